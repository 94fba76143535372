"""Which file a conversion writes to, and how: kubectl's precedence, kubectl's lock, whole files."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import yaml
from harness import KUBEAUTH, STARTED_BY, not_on_windows

from kubeauth.errors import KubeconfigError
from kubeauth_plugin.cli import run
from kubeauth_plugin.kubeconfig.lock import locked

BIN = Path(sys.executable).parent
USER = (
    "- name: {name}\n  user:\n    exec:\n      command: kubelogin\n"
    "      args: [get-token, --server-id, {server}, --client-id, c, --tenant-id, t]\n"
)


OURS = STARTED_BY[0]


def kubeconfig(*names: str, server: str = "s") -> str:
    contexts = "".join(f"- name: {n}\n  context: {{cluster: c, user: {n}}}\n" for n in names)
    users = "".join(USER.format(name=n, server=server) for n in names)
    return f"apiVersion: v1\nkind: Config\ncontexts:\n{contexts}users:\n{users}"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("AAD_LOGIN_METHOD", raising=False)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(kubeconfig("a", "shared", server="first"))
    two.write_text(kubeconfig("b", "shared", server="second"))
    for path in (one, two):
        os.utime(path, (0, 0))  # files that were just written would be watched for a while
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", str(one), str(one), str(two), "/none"]))
    return one, two


def convert(*args: str) -> int:
    return run(["convert-kubeconfig", *args])


def commands(path: Path) -> dict[str, str]:
    users = yaml.safe_load(path.read_text())["users"]
    return {entry["name"]: entry["user"]["exec"]["command"] for entry in users}


class TestPrecedence:
    def test_the_first_file_owns_a_name(self, files: tuple[Path, Path]) -> None:
        assert convert("-l", "msi") == 0
        assert commands(files[0]) == {"a": OURS, "shared": OURS}
        assert commands(files[1]) == {"b": OURS, "shared": "kubelogin"}

    def test_only_the_owner_is_written(self, files: tuple[Path, Path]) -> None:
        before = files[0].stat().st_mtime_ns, files[0].stat().st_ino
        assert convert("-l", "msi", "--context", "b") == 0
        assert (files[0].stat().st_mtime_ns, files[0].stat().st_ino) == before
        assert commands(files[1])["b"] == OURS

    def test_a_named_file_stands_alone(self, files: tuple[Path, Path]) -> None:
        assert convert("-l", "msi", "--kubeconfig", str(files[1])) == 0
        assert set(commands(files[0]).values()) == {"kubelogin"}
        assert set(commands(files[1]).values()) == {OURS}

    def test_a_context_may_lie_in_another_file_than_its_user(
        self, files: tuple[Path, Path]
    ) -> None:
        files[0].write_text(
            "contexts:\n- name: far\n  context: {user: b}\n"
            + kubeconfig("a").partition("users")[2].join(["users", ""])
        )
        assert convert("-l", "msi", "--context", "far") == 0
        assert commands(files[0]) == {"a": "kubelogin"}
        assert commands(files[1]) == {"b": OURS, "shared": "kubelogin"}

    def test_the_default_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBECONFIG", "")
        place = tmp_path / "home" / ".kube" / "config"
        place.parent.mkdir(parents=True)
        place.write_text(kubeconfig("a"))
        assert convert("-l", "msi") == 0
        assert commands(place) == {"a": OURS}

    def test_no_file_at_all(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert convert("--kubeconfig", str(tmp_path / "none")) == 9
        assert "none" in capsys.readouterr().err
        assert convert("--kubeconfig", str(tmp_path)) == 9
        assert "folder" in capsys.readouterr().err

    @pytest.mark.process
    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
    )
    def test_a_user_that_the_system_does_not_know_needs_no_home(self) -> None:
        """As in a container of OpenShift: a user id without an entry, and no HOME."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            file = Path(folder, "config")
            file.write_text(kubeconfig("a"))
            os.chown(file, 54321, 54321)
            done = subprocess.run(
                [
                    KUBEAUTH,
                    "convert-kubeconfig",
                    "-l",
                    "msi",
                    "--command",
                    "bare",
                    "--kubeconfig",
                    file,
                ],
                env={"PATH": "/usr/bin:/bin"},
                cwd=folder,
                user=54321,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            assert commands(file) == {"a": OURS}

    def test_the_null_device_is_no_file(
        self, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join([os.devnull, str(files[1])]))
        assert convert("-l", "msi") == 0
        monkeypatch.setenv("KUBECONFIG", os.devnull)
        assert convert("-l", "msi") == 9

    def test_one_broken_file_touches_none(self, files: tuple[Path, Path]) -> None:
        files[1].write_text("users: [")
        before = files[0].read_bytes()
        assert convert("-l", "msi") == 9
        assert files[0].read_bytes() == before


class TestSaving:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        place = tmp_path / "config"
        place.write_text(kubeconfig("a"))
        os.utime(place, (0, 0))
        return place

    def convert(self, file: Path) -> None:
        assert convert("-l", "msi", "--kubeconfig", str(file)) == 0
        assert commands(file) == {"a": OURS}

    def test_leaves_nothing_beside_it(self, file: Path) -> None:
        self.convert(file)
        assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["config"]

    @not_on_windows("Windows has no modes")
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
    def test_keeps_the_mode(self, file: Path, mode: int) -> None:
        file.chmod(mode)
        self.convert(file)
        assert stat.S_IMODE(file.stat().st_mode) == mode

    @not_on_windows("links need a right of their own")
    def test_keeps_a_symbolic_link(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "away").mkdir()
        target = file.rename(tmp_path / "away" / "real")
        file.symlink_to(target)
        self.convert(file)
        assert file.is_symlink() and not target.is_symlink()
        assert commands(target) == {"a": OURS}

    def test_keeps_a_hard_link(self, file: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        os.link(file, other)
        self.convert(file)
        assert other.samefile(file)

    @pytest.mark.parametrize(
        "what",
        ["file", pytest.param("folder", marks=not_on_windows("folders there can be written to"))],
    )
    def test_read_only_is_an_error(
        self, file: Path, capsys: pytest.CaptureFixture[str], what: str
    ) -> None:
        place = file if what == "file" else file.parent
        mode = place.stat().st_mode
        place.chmod(0o444 if what == "file" else 0o555)
        try:
            assert convert("-l", "msi", "--kubeconfig", str(file)) == 9
        finally:
            place.chmod(mode)
        said = capsys.readouterr().err
        assert f"{what} {place} is read-only" in said
        assert shlex.split(said.split("`")[1]) == ["chmod", "u+w", str(place)] or os.name != "posix"
        assert commands(file) == {"a": "kubelogin"}

    @pytest.mark.process
    @pytest.mark.skipif(os.name != "posix", reason="a limit plays the full disk")
    @pytest.mark.parametrize("more", [[], ["--backup"]], ids=["", "with a backup"])
    @pytest.mark.parametrize("size", [2000, 8190, 20_000, 300_000])
    def test_a_full_disk_is_an_error_and_changes_nothing(
        self, file: Path, more: list[str], size: int
    ) -> None:
        before = file.read_text() + "# " + "x" * size + "\n"
        file.write_text(before)
        words = ["convert-kubeconfig", "-l", "msi", "--kubeconfig", str(file), *more]
        # -B: Python must not leave half a compiled file either.
        limited = 'ulimit -f 2; exec "$0" "$@"'
        done = subprocess.run(
            ["sh", "-c", limited, sys.executable, "-B", "-m", OURS, *words],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 9, done.stderr
        error, hint = done.stderr.splitlines()
        assert error.startswith("error: ") and "cannot be written" in error
        assert hint.startswith("hint: ")
        assert file.read_text() == before
        left = [
            path.name
            for path in file.parent.iterdir()
            if path.is_file() and "backup" not in path.name
        ]
        assert left == ["config"]

    def test_a_read_only_file_that_does_not_change_is_no_error(
        self, files: tuple[Path, Path]
    ) -> None:
        files[0].chmod(0o444)
        assert convert("-l", "msi", "--context", "b") == 0
        assert convert("-l", "msi") == 9


class TestLock:
    def test_every_file_is_locked_in_order_and_released(self, files: tuple[Path, Path]) -> None:
        names = {path.parent / (path.name + ".lock") for path in files}
        with locked(files):
            assert all(name.exists() for name in names)
        assert not any(name.exists() for name in names)

    def test_released_after_an_error(self, files: tuple[Path, Path]) -> None:
        with pytest.raises(ZeroDivisionError), locked(files):
            raise ZeroDivisionError
        assert [path.suffix for path in files[0].parent.glob("*.*")] == [".yaml", ".yaml"]

    def test_a_stale_one_is_named_and_left(self, files: tuple[Path, Path]) -> None:
        stale = files[1].with_name("two.yaml.lock")
        stale.touch()
        wait = locked(files, patience=0.1)
        with pytest.raises(KubeconfigError, match=r"two\.yaml\.lock") as caught, wait:
            pass
        assert f"delete {stale}" in caught.value.hint
        assert stale.exists() and not files[0].with_name("one.yaml.lock").exists()

    def test_waits_for_another_program(self, files: tuple[Path, Path]) -> None:
        lock = files[0].with_name("one.yaml.lock")
        lock.touch()
        threading.Timer(0.2, lock.unlink).start()
        started = time.monotonic()
        assert convert("-l", "msi") == 0
        assert time.monotonic() - started >= 0.2

    @pytest.mark.process
    @not_on_windows("signals there end a program at once")
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_removed_when_a_signal_ends_the_program(
        self, files: tuple[Path, Path], number: signal.Signals
    ) -> None:
        blocked = files[1].with_name("two.yaml.lock")
        blocked.touch()
        child = subprocess.Popen([KUBEAUTH, "convert-kubeconfig"], stderr=subprocess.PIPE)
        mine = files[0].with_name("one.yaml.lock")
        while not mine.exists():
            time.sleep(0.02)
        child.send_signal(number)
        _, said = child.communicate(timeout=20)
        assert child.returncode == 128 + number
        assert b"Traceback" not in said
        assert not mine.exists() and blocked.exists()


@pytest.mark.process
def test_conversions_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config"
    names = [f"u{n}" for n in range(8)]
    file.write_text(kubeconfig(*names))
    children = [
        subprocess.Popen(
            [KUBEAUTH, "convert-kubeconfig", "-l", "msi", "--user", name, "--kubeconfig", file],
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]
    assert [child.wait(60) for child in children] == [0] * len(names)
    assert set(commands(file).values()) == {OURS}


@pytest.mark.process
class TestWatching:
    """A file is watched after it was saved only if another program writes at the same time."""

    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The second of two files; the lock of the first tells how far a conversion is."""
        first, second = tmp_path / "first", tmp_path / "second"
        first.write_text(kubeconfig("z"))
        os.utime(first, (0, 0))
        second.write_text(kubeconfig("a", "b"))
        monkeypatch.setenv("KUBECONFIG", f"{first}{os.pathsep}{second}")
        return second

    def saved(self, file: Path, *, locked_at_first: bool) -> subprocess.Popen[bytes]:
        """Start a conversion, and return it when it has saved the file."""
        lock = file.with_name("second.lock")
        if locked_at_first:
            lock.touch()
        child = subprocess.Popen(
            [KUBEAUTH, "convert-kubeconfig", "-l", "msi"], stdout=subprocess.DEVNULL
        )
        if locked_at_first:
            while not file.with_name("first.lock").exists():
                time.sleep(0.005)
            time.sleep(0.2)
            lock.unlink()
        while b"kubelogin" in file.read_bytes():
            time.sleep(0.005)
        return child

    def lifetime(self, file: Path, *, locked_at_first: bool) -> float:
        """Return how many seconds a conversion goes on after it has saved a new file."""
        file.write_text(kubeconfig("a"))
        child = self.saved(file, locked_at_first=locked_at_first)
        since = time.monotonic()
        assert child.wait(60) == 0
        return time.monotonic() - since

    # A file is watched for half a second. Where this test itself is late, another attempt counts.

    def test_not_a_file_that_was_written_by_the_command_before(self, file: Path) -> None:
        assert any(self.lifetime(file, locked_at_first=False) < 0.5 for _ in range(20))
        assert any(self.lifetime(file, locked_at_first=True) >= 0.4 for _ in range(20))

    def test_one_that_was_locked_and_is_put_back_is_converted_again(self, file: Path) -> None:
        before = file.read_bytes()
        for _ in range(20):
            child = self.saved(file, locked_at_first=True)
            since = file.stat().st_mtime
            file.write_bytes(before)  # kubectl writes what it read before
            took = file.stat().st_mtime - since
            assert child.wait(60) == 0
            if took < 0.4:
                break
            file.write_bytes(before)
        assert set(commands(file).values()) == {OURS}
