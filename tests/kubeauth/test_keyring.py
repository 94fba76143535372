"""Where the sign-ins of people are kept: with a real keyring, without one, with a broken one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import BIN, Program, approving, not_on_windows

from kubeauth.testing import AKS_CLIENT_ID, Simulator

pytestmark = pytest.mark.process

INFO = json.dumps(
    {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "spec": {"interactive": True},
    }
)
SECRET_SERVICE = all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon")))
UNLOCK = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"


@pytest.fixture
def person(sim: Simulator) -> Iterator[None]:
    """Somebody who approves every code at once."""
    with approving(sim, sim.tenant.add_user(f"dana-{time.monotonic_ns()}@{sim.tenant.name}")):
        yield


@pytest.fixture
def flags(program: Program, sim: Simulator) -> tuple[str, ...]:
    sim.token_lifetime = 200  # so that every call needs the kept sign-in
    identity = ("--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    return ("get-token", *program.always, "-l", "devicecode", *identity)


@pytest.fixture
def keyless(program: Program, tmp_path: Path) -> Program:
    """A machine without a session bus, as a container is."""
    program.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    program.environ["XDG_RUNTIME_DIR"] = str(tmp_path)
    program.environ["KUBERNETES_EXEC_INFO"] = INFO
    return program


def prompts(stderr: str) -> int:
    return stderr.count("type this code")


def kept(program: Program, ending: str) -> list[Path]:
    return list(program.cache.glob(f"*{ending}"))


ALWAYS_A_KEYRING = not_on_windows("Windows always has its Credential Manager")


@pytest.mark.usefixtures("person")
class TestWithoutKeyring:
    @ALWAYS_A_KEYRING
    def test_auto_keeps_a_private_file_and_says_so_once(
        self, keyless: Program, flags: tuple[str, ...]
    ) -> None:
        first, second = keyless(*flags), keyless(*flags)
        assert (prompts(first.stderr), prompts(second.stderr)) == (1, 0)
        assert first.stderr.count("warning: ") == 1
        assert "KUBEAUTH_CACHE_STORAGE=file silences this" in first.stderr
        assert "warning" not in second.stderr
        (file,) = kept(keyless, ".session.json")
        assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o600

    def test_file_keeps_it_in_silence(self, keyless: Program, flags: tuple[str, ...]) -> None:
        first, second = (keyless(*flags, "--cache-storage", "file") for _ in range(2))
        assert (prompts(first.stderr), prompts(second.stderr)) == (1, 0)
        assert "warning" not in first.stderr

    def test_the_variable_is_as_good_as_the_flag(
        self, keyless: Program, flags: tuple[str, ...]
    ) -> None:
        assert "warning" not in keyless(*flags, KUBEAUTH_CACHE_STORAGE="file").stderr

    @ALWAYS_A_KEYRING
    def test_keyring_alone_keeps_nothing_in_the_clear(
        self, keyless: Program, flags: tuple[str, ...]
    ) -> None:
        ran = keyless(*flags, "--cache-storage", "keyring")
        assert ran.status["token"]
        assert "the refresh token is not stored" in ran.stderr
        assert kept(keyless, ".session.json") == []

    def test_an_unknown_storage_is_named(self, keyless: Program, flags: tuple[str, ...]) -> None:
        assert "'vault'" in keyless(*flags, "--cache-storage", "vault").error


# What each method of a backend of our own making does.
BROKEN = {
    "hangs": "time.sleep(3600)",
    "fails": "raise RuntimeError('s3cr3t in a message')",
    "discards": "return None",
}


@pytest.mark.usefixtures("person")
class TestBrokenKeyring:
    @pytest.mark.parametrize("how", sorted(BROKEN))
    def test_costs_a_bounded_time_and_loses_nothing(
        self, keyless: Program, flags: tuple[str, ...], tmp_path: Path, how: str
    ) -> None:
        (tmp_path / "broken_keyring.py").write_text(
            "import time\n"
            "from keyring.backend import KeyringBackend\n"
            "class Keyring(KeyringBackend):\n"
            "    priority = 9\n"
            f"    def get_password(self, service, username): {BROKEN[how]}\n"
            f"    def set_password(self, service, username, password): {BROKEN[how]}\n"
            f"    def delete_password(self, service, username): {BROKEN[how]}\n"
        )
        broken = {
            "PYTHONPATH": str(tmp_path),
            "PYTHON_KEYRING_BACKEND": "broken_keyring.Keyring",
        }
        # The installed command takes nothing from PYTHONPATH.
        keyless.command = (sys.executable, "-m", "kubeauth_plugin")
        begun = time.monotonic()
        first = keyless(*flags, limit=300, **broken)
        assert time.monotonic() - begun < 300  # the keyring takes an hour
        second = keyless(*flags, limit=300, **broken)
        assert first.status["token"] and second.status["token"]
        assert (prompts(first.stderr), prompts(second.stderr)) == (1, 0)
        assert "warning: " in first.stderr and "s3cr3t" not in first.stderr


@pytest.mark.e2e
@pytest.mark.usefixtures("person")
@pytest.mark.skipif(not SECRET_SERVICE, reason="needs Debian's gnome-keyring and dbus-x11")
class TestSecretService:
    """Debian's gnome-keyring on a session bus of its own."""

    def run(self, program: Program, script: str, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", f"{UNLOCK}; {script}", "sh", *flags],
            env=program.environ,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def test_the_sign_in_is_encrypted_and_found_again(
        self, keyless: Program, sim: Simulator, flags: tuple[str, ...]
    ) -> None:
        command = f'"{BIN}/kubeauth" "$@"'
        ran = self.run(keyless, f"{command} >/dev/null && {command} >/dev/null", *flags)
        assert ran.returncode == 0, ran.stderr
        assert prompts(ran.stderr) == 1
        assert "warning" not in ran.stderr
        assert kept(keyless, ".session.json") == []
        (sealed,) = kept(keyless, ".session.sealed")
        assert b"RefreshToken" not in sealed.read_bytes()
        assert sim.requests.count(grant_type="refresh_token") == 1

    def test_a_renewal_does_not_load_the_package_keyring(
        self, keyless: Program, flags: tuple[str, ...]
    ) -> None:
        """It takes longer than a sign-in; the key comes from the Secret Service itself."""
        first = f'"{BIN}/kubeauth" "$@" >/dev/null'
        again = f'"{sys.executable}" -X importtime -m kubeauth_plugin "$@" >/dev/null'
        ran = self.run(keyless, f"{first} && {again}", *flags)
        assert ran.returncode == 0, ran.stderr
        assert prompts(ran.stderr) == 1
        loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
        assert "jeepney" in loaded and "keyring" not in loaded

    def test_only_a_key_is_in_the_keyring(self, keyless: Program, flags: tuple[str, ...]) -> None:
        show = f'"{sys.executable}" -c "import keyring; print(len(keyring.get_password(*[' + (
            "'kubeauth', 'key of the kept sign-ins'])))\""
        )
        ran = self.run(keyless, f'"{BIN}/kubeauth" "$@" >/dev/null && {show}', *flags)
        assert ran.stdout.strip() == "44", ran.stderr

    def test_a_keyring_that_vanished_costs_one_sign_in(
        self, keyless: Program, flags: tuple[str, ...]
    ) -> None:
        first = self.run(keyless, f'"{BIN}/kubeauth" "$@" >/dev/null', *flags)
        shutil.rmtree(keyless.home / ".local", ignore_errors=True)
        second, third = keyless(*flags), keyless(*flags)
        assert [prompts(each.stderr) for each in (first, second, third)] == [1, 1, 0]

    def test_remove_cache_dir_takes_the_key_too(
        self, keyless: Program, flags: tuple[str, ...]
    ) -> None:
        script = f'"{BIN}/kubeauth" "$@" >/dev/null && "{BIN}/kubeauth" remove-cache-dir'
        ran = self.run(keyless, script, *flags)
        assert "1 session" in ran.stdout
        assert "removed the encryption key" in ran.stdout
        assert not keyless.cache.exists()


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_folder_that_cannot_be_written_is_a_warning_and_no_more(
    program: Program, spn: tuple[str, ...], tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    ran = program.get_token(*spn, "--cache-dir", str(in_the_way))
    assert ran.status["token"]
    assert ran.stderr.count("\n") == 1 and ran.stderr.startswith("warning: ")
    assert "--cache-storage none" in ran.stderr
    assert program.get_token(*spn, "--cache-storage", "none").stderr == ""


def test_no_home_at_all_is_a_warning_and_no_more(program: Program, spn: tuple[str, ...]) -> None:
    ran = program.get_token(*spn, HOME="/nonexistent/home")
    assert ran.status["token"]
