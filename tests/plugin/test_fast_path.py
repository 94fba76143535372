"""A cached credential: what a hit loads, when it is not used, and what a rejected token does."""

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
from harness import BIN, KUBEAUTH, Program, mark_as_go, not_on_windows

import kubeauth
import kubeauth_plugin
from kubeauth import _env
from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.testing import Application, Fault, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in, sign_out
from kubeauth_plugin import _hot

TOKEN = "/oauth2/v2.0/token"
INFO = json.dumps(
    {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "spec": {"interactive": False},
    }
)
# What the interpreter itself loads differs between versions and installations; what we add may not.
# It loads no `os` with the launcher's -S; that alone would cost a tenth of a hit.
ALLOWED = {"kubeauth_plugin", "kubeauth_plugin.__main__", "kubeauth_plugin._hot", "_blake2"}


# Variables that decide nothing about whose token it is.
WITHOUT_MEANING = {_env.KUBECONFIG, _env.BROWSER, *_env.CA_FILES}


def variables() -> Iterator[str]:
    """Yield every variable that the code has a name for."""
    for name, value in vars(_env).items():
        if name.isupper() and name != "TYPE_CHECKING":
            yield from [value] if isinstance(value, str) else value


def asked(sim: Simulator) -> int:
    return sim.requests.count(service="entra", path=TOKEN)


def records(program: Program) -> list[Path]:
    return sorted(program.cache.glob("*.hot"))


def modules(*command: str, environ: dict[str, str]) -> set[str]:
    """Return the modules that a Python program imports."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", *command],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in ran.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines[1:]}


def launcher(prefix: Path) -> Path:
    """Copy the command and link its packages as an installed wheel has them."""
    version = ".".join(map(str, sys.version_info[:2]))
    packages, command = prefix / f"lib/python{version}/site-packages", prefix / "bin/kubeauth"
    for folder in (packages, command.parent):
        folder.mkdir(parents=True)
    for package in (kubeauth, kubeauth_plugin):
        source = Path(str(package.__file__)).parent
        (packages / source.name).symlink_to(source)
    shutil.copy(KUBEAUTH, command)
    return command


class TestHit:
    @pytest.mark.imports
    @not_on_windows("the launcher there is no script, and Python is told to skip site")
    def test_imports_next_to_nothing(
        self, program: Program, spn: tuple[str, ...], tmp_path: Path
    ) -> None:
        command = [str(launcher(tmp_path)), "get-token", *program.always, *spn]
        assert program.get_token(*spn).status
        bare = modules("-c", "pass", environ=program.environ)
        assert modules(*command, environ=program.environ) - bare <= ALLOWED

    def test_is_byte_for_byte_the_first_answer(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        assert program.get_token(*spn).stdout == program.get_token(*spn).stdout
        assert len(records(program)) == 1

    @not_on_windows("the launcher there is a program of pip's")
    def test_the_command_is_ours_and_not_an_installers(self) -> None:
        assert "import re" not in KUBEAUTH.read_text()

    def test_works_through_the_other_names(self, program: Program, spn: tuple[str, ...]) -> None:
        program.get_token(*spn)
        for command in (["kubectl-kubeauth"], [sys.executable, "-m", "kubeauth_plugin"]):
            path = shutil.which(command[0], path=str(BIN)) or command[0]
            ran = subprocess.run(
                [path, *command[1:], "get-token", *program.always, *spn],
                env=program.environ,
                capture_output=True,
                check=True,
            )
            assert json.loads(ran.stdout)["status"]["token"]

    @pytest.mark.parametrize("variable", sorted(set(variables()) - WITHOUT_MEANING))
    def test_every_variable_we_read_tells_records_apart(self, variable: str) -> None:
        argv = ["get-token"]
        assert _hot.digest(argv, {variable: "a"}) != _hot.digest(argv, {variable: "b"})


class TestMiss:
    @pytest.mark.parametrize(
        "other",
        [("--legacy",), ("--timeout", "50"), ("--environment", "AzureCloud")],
        ids=["legacy", "timeout", "environment"],
    )
    def test_another_command_line_is_another_question(
        self, program: Program, spn: tuple[str, ...], other: tuple[str, ...]
    ) -> None:
        program.get_token(*spn)
        program.get_token(*spn, *other)
        assert len(records(program)) == 2

    def test_another_identity_by_variable_is_never_given_the_first_ones_token(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        first = program.get_token(*spn).status["token"]
        other = sim.tenant.add_application("other")
        second = program.get_token(
            *spn, AZURE_CLIENT_ID=other.client_id, AZURE_CLIENT_SECRET=other.secret
        )
        assert second.status["token"] != first

    @pytest.mark.parametrize("flag", ["--force-refresh", "-v9"])
    def test_no_record_is_left_where_it_must_not_answer(
        self, program: Program, spn: tuple[str, ...], flag: str
    ) -> None:
        program.get_token(*spn, flag)
        assert records(program) == []

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: content[: len(content) // 2],
            lambda content: b"garbage" + content,
            lambda content: content.replace(b"kubeauth 2", b"kubeauth 9", 1),
            lambda content: os.urandom(len(content)),
        ],
        ids=["empty", "truncated", "prefixed", "version", "random"],
    )
    def test_a_damaged_record_is_no_error(
        self, program: Program, spn: tuple[str, ...], damage: object
    ) -> None:
        good = program.get_token(*spn).status["token"]
        (record,) = records(program)
        record.write_bytes(damage(record.read_bytes()))  # type: ignore[operator]
        assert program.get_token(*spn).status["token"] == good

    @pytest.mark.skipif(os.name != "posix", reason="modes")
    @pytest.mark.parametrize("what", ["record", "folder"])
    def test_what_others_could_have_written_is_not_trusted(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], what: str
    ) -> None:
        program.get_token(*spn)
        (record,) = records(program)
        forged = record.read_bytes().replace(b'"token":"', b'"token":"forged', 1)
        head, _, body = forged.partition(b"\n\n")
        words = head.split(b"\n")[1].split()
        head = head.replace(words[3], str(len(body)).encode(), 1)
        record.write_bytes(head + b"\n\n" + body)
        if what == "record":
            record.chmod(0o644)
        else:
            program.cache.chmod(0o755)
        assert "forged" not in program.get_token(*spn).stdout

    def test_a_link_in_the_way_is_not_followed(
        self, program: Program, spn: tuple[str, ...], tmp_path: Path
    ) -> None:
        program.get_token(*spn)
        (record,) = records(program)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(record.read_bytes().replace(b'"token":"', b'"token":"_forged_'))
        elsewhere.chmod(0o600)
        record.unlink()
        record.symlink_to(elsewhere)
        assert "forged" not in program.get_token(*spn).stdout

    def test_an_old_record_is_not_used(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.token_lifetime = 363
        program.get_token(*spn)
        assert len(records(program)) == 1
        time.sleep(3.5)
        program.get_token(*spn)
        assert asked(sim) == 2

    def test_a_storage_without_a_disk_leaves_nothing(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        for storage in ("none", "memory"):
            ran = program.get_token(*spn, "--cache-storage", storage)
            assert ran.status and ran.stderr == ""
        assert not program.cache.exists()

    def test_the_cache_folder_of_the_flag_is_the_one_used(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], tmp_path: Path
    ) -> None:
        folder = str(tmp_path / "kept here")
        for flags in (("--cache-dir", folder), (f"--cache-dir={folder}",)):
            assert program.get_token(*spn, *flags).status
        assert asked(sim) == 1
        assert not program.cache.exists()


class TestAzureCliIdentity:
    @pytest.fixture
    def az(self, program: Program, sim: Simulator, tmp_path: Path) -> Path:
        users = [sim.tenant.add_user(f"{n}@{sim.tenant.name}", "pw") for n in ("ann", "bob")]
        programs = tmp_path / "programs"
        programs.mkdir()
        install_azure_cli(programs, sim, *users)
        config = tmp_path / "azure"
        program.environ["AZURE_CONFIG_DIR"] = str(config)
        program.environ["PATH"] = f"{programs}{os.pathsep}{program.environ['PATH']}"
        sign_in(config, users[0])
        return config

    def who(self, program: Program) -> str:
        from kubeauth.jwt import whose

        return whose(program.get_token("-l", "azurecli").status["token"])

    def test_is_kept_like_any_other(self, program: Program, sim: Simulator, az: Path) -> None:
        assert self.who(program).startswith("ann@")
        assert self.who(program).startswith("ann@")
        assert asked(sim) == 1

    def test_dies_when_another_signs_in(self, program: Program, sim: Simulator, az: Path) -> None:
        assert self.who(program).startswith("ann@")
        sign_in(az, sim.tenant.user(f"bob@{sim.tenant.name}"))
        assert self.who(program).startswith("bob@")

    def test_dies_when_everybody_signs_out(self, program: Program, az: Path) -> None:
        assert self.who(program)
        sign_out(az)
        assert "az login" in program.get_token("-l", "azurecli").error

    def test_the_return_of_the_first_costs_nothing(
        self, program: Program, sim: Simulator, az: Path
    ) -> None:
        profile = (az / "azureProfile.json").read_bytes()
        self.who(program)
        sign_out(az)
        (az / "azureProfile.json").write_bytes(profile)
        assert self.who(program).startswith("ann@")
        assert asked(sim) == 1


@not_on_windows("a copy of sh plays kubectl; tests/windows/test_rejected_token.py has kubectl.exe")
class TestRejectedToken:
    """kubectl asks once, and once more for each 401; it does not say which it is."""

    @pytest.fixture
    def kubectl(self, tmp_path: Path) -> str:
        """A stand-in for kubectl that runs any command: a copy of a shell that looks like Go."""
        program = tmp_path / "kubectl"
        shutil.copy(os.path.realpath("/bin/sh"), program)
        if sys.platform == "linux":
            mark_as_go(program)
        return str(program)

    def ask(
        self,
        times: int,
        program: Program,
        spn: tuple[str, ...],
        *,
        by: str,
        info: str = INFO,
        reading: tuple[str, str] = ("apply", "."),
    ) -> None:
        """Ask several times from one process, which has ``reading`` among its arguments."""
        script = f'shift 2; for i in $(seq {times}); do "$@" >/dev/null || exit 1; done'
        command = [*reading, str(KUBEAUTH), "get-token", *program.always, *spn]
        environ = {**program.environ, **({"KUBERNETES_EXEC_INFO": info} if info else {})}
        subprocess.run([by, "-c", script, "kubectl", *command], env=environ, check=True, timeout=60)

    @pytest.fixture
    def old(self, program: Program, spn: tuple[str, ...]) -> None:
        """A cached token that is a minute old, and no record of it."""
        program.get_token(*spn)
        for file in program.cache.glob("*.token.json"):
            fields = unpacked(file.read_bytes())
            fields["obtained_on"] -= 60
            file.write_bytes(packed(fields))
        for file in [*program.cache.glob("*.hot"), *program.cache.glob("*.asked")]:
            file.unlink()

    @pytest.mark.usefixtures("old")
    def test_the_second_question_of_one_process_brings_a_new_token(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], kubectl: str
    ) -> None:
        self.ask(2, program, spn, by=kubectl)
        assert asked(sim) == 2

    @pytest.mark.usefixtures("old")
    @pytest.mark.skipif(sys.platform != "linux", reason="the command line is read from /proc")
    @pytest.mark.parametrize(
        "reading", [("-f", "-"), ("--filename", "-"), ("apply", "-f-"), ("apply", "--filename=-")]
    )
    def test_a_manifest_from_stdin_is_worth_one_question_more(
        self,
        program: Program,
        sim: Simulator,
        spn: tuple[str, ...],
        kubectl: str,
        reading: tuple[str, str],
    ) -> None:
        self.ask(2, program, spn, by=kubectl, reading=reading)
        assert asked(sim) == 1
        self.ask(3, program, spn, by=kubectl, reading=reading)
        assert asked(sim) == 2

    @pytest.mark.usefixtures("old")
    def test_the_questions_of_many_processes_do_not(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], kubectl: str
    ) -> None:
        for _ in range(3):
            self.ask(1, program, spn, by=kubectl)
        assert asked(sim) == 1

    def test_a_young_token_is_not_taken_for_a_rejected_one(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], kubectl: str
    ) -> None:
        self.ask(4, program, spn, by=kubectl)
        assert asked(sim) == 1

    @pytest.mark.usefixtures("old")
    @pytest.mark.skipif(sys.platform != "linux", reason="the program is read from /proc")
    def test_a_client_that_is_not_client_go_may_ask_as_often_as_it_likes(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], tmp_path: Path
    ) -> None:
        """kube-rs runs its plugin three times for one client, before any request."""
        client = shutil.copy(os.path.realpath("/bin/sh"), tmp_path / "controller")
        for _ in range(4):
            self.ask(3, program, spn, by=client)
        assert asked(sim) == 1

    @pytest.mark.usefixtures("old")
    def test_one_caller_cannot_cause_a_storm(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], kubectl: str
    ) -> None:
        self.ask(8, program, spn, by=kubectl)
        assert asked(sim) == 2

    @pytest.mark.usefixtures("old")
    @pytest.mark.parametrize(
        ("by", "info"),
        [("/bin/sh", INFO), ("kubectl", "")],
        ids=["a shell", "no exec info"],
    )
    def test_questions_that_are_not_kubectls_do_not_count(
        self,
        program: Program,
        sim: Simulator,
        spn: tuple[str, ...],
        kubectl: str,
        by: str,
        info: str,
    ) -> None:
        self.ask(3, program, spn, by=kubectl if by == "kubectl" else by, info=info)
        for _ in range(3):  # this process is Python
            program.get_token(*spn, KUBERNETES_EXEC_INFO=INFO)
        assert asked(sim) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the caller is read from /proc")
def test_a_program_that_retries_for_ever_sees_a_new_secret_at_once(
    program: Program, sim: Simulator, app: Application, tmp_path: Path
) -> None:
    """It runs the plugin three times, 6 seconds apart, then somebody corrects the secret."""
    informer = shutil.copy(os.path.realpath("/bin/sh"), tmp_path / "informer")
    secret = tmp_path / "secret"
    secret.write_text("wr0ng")
    flags = ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)
    command = [str(KUBEAUTH), "get-token", *program.always, *flags]
    script = 'for i in 1 2 3; do "$@"; sleep 6; done; printf %s "$right" >"$file"; "$@"'
    done = subprocess.run(
        [informer, "-c", script, "informer", *command, "--client-secret-file", str(secret)],
        env={
            **program.environ,
            "KUBERNETES_EXEC_INFO": INFO,
            "right": app.secret,
            "file": str(secret),
        },
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
    )
    assert done.returncode == 0 and '"token"' in done.stdout, done.stderr
    # 0 s: refused; 6 s: refused, from now on the pause is 10 s; 12 s: not asked; then a success.
    assert asked(sim) == 3


class TestFreshness:
    def test_a_token_about_to_expire_is_replaced(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.token_lifetime = 300
        first = program.get_token(*spn).status["token"]
        sim.token_lifetime = 3600
        assert program.get_token(*spn).status["token"] != first

    def test_and_used_if_no_other_can_be_had(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.token_lifetime = 300
        first = program.get_token(*spn).status["token"]
        sim.faults.add(Fault(service="entra", path=TOKEN, status=503, times=None))
        begun = time.monotonic()
        assert program.get_token(*spn).status["token"] == first
        # The next calls do not wait for a server in trouble again.
        waited = time.monotonic() - begun
        begun = time.monotonic()
        assert program.get_token(*spn).status["token"] == first
        assert time.monotonic() - begun < waited

    def test_entra_may_ask_for_an_earlier_refresh(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.refresh_in = 1
        waits = (*spn, "--no-background-refresh")
        first = program.get_token(*waits).status["token"]
        time.sleep(1.5)
        sim.refresh_in = None
        assert program.get_token(*waits).status["token"] != first

    def test_a_failed_early_refresh_costs_nobody_the_token(
        self, program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
    ) -> None:
        sim.refresh_in = 1
        waits = (*spn, "--no-background-refresh")
        first = program.get_token(*waits).status["token"]
        time.sleep(1.5)
        sim.fail_next(7000215, times=None)
        assert program.get_token(*waits).status["token"] == first

    def test_whoever_insists_on_a_new_token_hears_that_there_is_none(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        program.get_token(*spn)
        sim.faults.add(Fault(service="entra", path=TOKEN, status=503, times=None))
        assert "HTTP 503" in program.get_token(*spn, "--force-refresh").error
        assert program.get_token(*spn).status["token"]
