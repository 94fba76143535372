"""The fast path's own rules, without a process: which record, where it lies, whether it is good."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from harness import mark_as_go

from kubeauth_plugin import _hot

NOW = 1_700_000_000
FAR = 4_000_000_000
ARGV = ["get-token", "--login", "spn"]


def record(
    folder: Path,
    *,
    magic: bytes = b"kubeauth 2 ",
    changed: bytes = b"",
    written_on: int = NOW - 10,
    until: int = NOW + 10,
    longer: int = 0,
    stamps: tuple[bytes, ...] = (),
    due_on: int = 0,
    credential: bytes = b"credential",
) -> str:
    length = len(credential) + longer
    times = f"{written_on} {NOW - 70} {due_on or until} {until} {length}".encode()
    file = folder / "a.hot"
    content = b"\n".join([times, *stamps, b"", credential])
    file.write_bytes(magic + _hot.checksum(content) + b"\n" + content + changed)
    file.chmod(0o600)
    return str(file)


class TestDigest:
    def test_names_the_command_line_and_the_variables_that_count(self) -> None:
        asked = [
            _hot.digest(argv, environ)
            for argv, environ in (
                (ARGV, {}),
                ([*ARGV, ""], {}),
                ([" ".join(ARGV)], {}),
                (ARGV, {"AZURE_CLIENT_ID": "a"}),
                (ARGV, {"AZURE_CLIENT_ID": "b"}),
                (ARGV, {"AZURE_CLIENT_SECRET": "a"}),
                ([*ARGV, "", "AZURE_CLIENT_ID=a"], {}),
            )
        ]
        assert len(set(asked)) == len(asked)
        assert all(len(name) == 32 for name in asked)

    @pytest.mark.parametrize(
        "name",
        [
            *("AAD_LOGIN_METHOD", "ACTIONS_ID_TOKEN_REQUEST_URL", "ARM_CLIENT_ID"),
            *("AZD_CONFIG_DIR", "AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID", "HOME"),
            *(
                "GCE_METADATA_HOST",
                "IDENTITY_ENDPOINT",
                "IMDS_ENDPOINT",
                "KUBEAUTH_CACHE_DIR",
                "KUBECACHEDIR",
            ),
            *("KUBERNETES_EXEC_INFO", "MSI_ENDPOINT", "SYSTEM_ACCESSTOKEN", "USERPROFILE"),
        ],
    )
    def test_every_variable_that_can_change_the_answer_counts(self, name: str) -> None:
        assert _hot.digest(ARGV, {name: "1"}) != _hot.digest(ARGV, {})

    def test_takes_bytes_that_are_no_text(self) -> None:
        assert len(_hot.digest(["\udcff"], {"HOME": "\udcfe"})) == 32

    def test_is_as_long_where_the_system_is_in_fips_mode(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "_blake2", None)
        assert len(_hot.digest(ARGV, {})) == 32
        assert _hot.checksum(b"kubeauth") == sha256(b"kubeauth").hexdigest()[:16].encode()

    def test_others_do_not(self) -> None:
        assert _hot.digest(ARGV, {"TERM": "xterm", "PWD": "/"}) == _hot.digest(ARGV, {})

    def test_the_order_of_variables_does_not(self) -> None:
        one, other = {"AAD_A": "1", "ARM_B": "2"}, {"ARM_B": "2", "AAD_A": "1"}
        assert _hot.digest(ARGV, one) == _hot.digest(ARGV, other)


class TestFolder:
    @pytest.mark.parametrize(
        ("argv", "environ", "folder"),
        [
            ([], {}, "~/.kube/cache/kubeauth"),
            ([], {"KUBECACHEDIR": "/k"}, "/k/kubeauth"),
            ([], {"KUBEAUTH_CACHE_DIR": "/own", "KUBECACHEDIR": "/k"}, "/own"),
            (["--cache-dir", "/flag"], {"KUBEAUTH_CACHE_DIR": "/own"}, "/flag"),
            (["--cache-dir=/flag"], {}, "/flag"),
            (["--token-cache-dir", "/flag"], {}, "/flag"),
            (["--cache-dir=/first", "--token-cache-dir=/last"], {}, "/last"),
            (["--cache-dir"], {}, "~/.kube/cache/kubeauth"),
            (["--cache-dirs=/x", "/y"], {}, "~/.kube/cache/kubeauth"),
            (["--cache-dir", "/flag", "next"], {}, "/flag"),
        ],
    )
    def test_is_the_named_one(self, argv: list[str], environ: dict[str, str], folder: str) -> None:
        assert _hot.named_folder(argv, environ) == os.path.expanduser(folder)

    @pytest.mark.skipif(os.name == "nt", reason="Windows does not read HOME")
    @pytest.mark.parametrize("home", ["/home/max", "/home/max/", "/home/max//"])
    def test_begins_with_the_home_that_the_variables_name(self, home: str) -> None:
        assert _hot.named_folder(["--cache-dir=~/x"], {"HOME": home}) == "/home/max/x"

    @pytest.mark.skipif(os.name == "nt", reason="Windows does not read HOME")
    def test_of_another_user_is_not_in_this_home(self) -> None:
        folder = _hot.named_folder(["--cache-dir=~root/x"], {"HOME": "/home/max"})
        assert folder == os.path.expanduser("~root/x")

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
    def test_has_to_be_private_or_to_have_a_private_one_inside(self, tmp_path: Path) -> None:
        environ = {"KUBEAUTH_CACHE_DIR": str(tmp_path)}
        tmp_path.chmod(0o700)
        assert _hot.cache_folder([], environ) == str(tmp_path)
        tmp_path.chmod(0o755)
        inner = tmp_path / "kubeauth"
        inner.mkdir(0o700)
        assert _hot.cache_folder([], environ) == str(inner)
        inner.chmod(0o710)
        assert _hot.cache_folder([], environ) == ""
        inner.chmod(0o701)
        assert _hot.cache_folder([], environ) == ""


class TestRecord:
    @pytest.mark.parametrize(
        ("fields", "good"),
        [
            ({}, True),
            ({"magic": b"kubeauth 2"}, False),
            ({"until": NOW + 1}, True),
            ({"until": NOW}, False),
            # A clock that was set back by up to a minute is no reason for a new sign-in.
            ({"written_on": NOW + 60}, True),
            ({"written_on": NOW + 61}, False),
            ({"longer": 1}, False),
            ({"longer": -1}, False),
        ],
    )
    def test_is_good_for_its_time_and_whole(
        self, tmp_path: Path, fields: dict[str, int], good: bool
    ) -> None:
        times = {"written_on": NOW - 10, "until": NOW + 10, **fields}
        expected = (b"credential", NOW - 70, times["until"]) if good else (b"", 0, 0)
        assert _hot.read(record(tmp_path, **fields), NOW) == expected

    def test_of_an_earlier_version_is_found_and_read(self, tmp_path: Path) -> None:
        """An update of kubeauth does not sign anybody in again."""
        environ = {"AZURE_CLIENT_ID": "a", "HOME": "/home/max"}
        digest = "ff69d33f863e3d8d54c4a526feb21bdd"
        assert _hot.digest(ARGV, environ) == digest
        file = tmp_path / f"{digest}.hot"
        file.write_bytes(
            b"kubeauth 2 b59831b315b7bffd\n"
            b"1699999990 1699999930 1700000005 1700000010 10\n"
            b"\n"
            b"credential"
        )
        file.chmod(0o600)
        assert _hot.read(str(file), NOW) == (b"credential", NOW - 70, NOW + 5)

    @pytest.mark.parametrize(("size", "read"), [(250_000, True), (300_000, False)])
    def test_that_is_much_too_large_is_not_read(
        self, tmp_path: Path, size: int, read: bool
    ) -> None:
        path = record(tmp_path, credential=b"x" * size)
        assert (_hot.read(path, NOW)[0] != b"") is read

    def test_ends_with_the_files_it_was_made_of(self, tmp_path: Path) -> None:
        profile, missing = tmp_path / "a profile", tmp_path / "missing"
        profile.write_text("anna")
        stamps = tuple(
            b" ".join([*_hot.stamp(str(file)), os.fsencode(file)]) for file in (profile, missing)
        )
        path = record(tmp_path, stamps=stamps)
        assert _hot.read(path, NOW)[0] == b"credential"
        missing.touch()
        assert _hot.read(path, NOW) == (b"", 0, 0)
        missing.unlink()
        written = profile.stat().st_mtime_ns
        profile.write_text("berta")
        os.utime(profile, ns=(written, written))
        assert _hot.read(path, NOW)[0] == b"", "another size"
        profile.write_text("anna")
        # Windows counts in hundreds of nanoseconds.
        os.utime(profile, ns=(written + 100, written + 100))
        assert _hot.read(path, NOW)[0] == b"", "another time"

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
    def test_that_others_could_reach_is_not_read(self, tmp_path: Path, mode: int) -> None:
        path = record(tmp_path)
        os.chmod(path, mode)
        with pytest.raises(OSError, match=r"a\.hot"):
            _hot.read(path, NOW)

    @pytest.mark.skipif(os.name == "nt", reason="links need rights there")
    def test_is_not_read_through_a_link(self, tmp_path: Path) -> None:
        link = tmp_path / "link.hot"
        link.symlink_to(record(tmp_path))
        with pytest.raises(OSError, match="symbolic links"):
            _hot.read(str(link), NOW)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
    @pytest.mark.timeout(10)
    def test_a_pipe_in_its_place_holds_nobody_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.hot", 0o600)
        assert _hot.read(str(tmp_path / "a.hot"), NOW)[0] == b""

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no owners of this kind")
    @pytest.mark.parametrize(("other", "mode", "private"), [(0, 0o600, True), (1, 0o600, False)])
    def test_is_private_to_its_owner(self, other: int, mode: int, private: bool) -> None:
        status = os.stat_result((mode, 0, 0, 1, os.geteuid() + other, 0, 0, 0, 0, 0))
        assert _hot.is_private(status) is private


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
class TestAskingAgain:
    """Who was served last is noted, and the same one again is one whose token was refused."""

    def ask(self, folder: Path, who: bytes, obtained_on: int = NOW - 60, now: int = NOW) -> bool:
        return _hot.asks_again(str(folder / "a.asked"), who, obtained_on, now)

    def test_the_first_time_is_noted_for_this_user_alone(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, b"7 kubectl") is False
        file = tmp_path / "a.asked"
        assert file.read_bytes() == b"7 kubectl\n%d 1 0\n" % (NOW - 50)
        assert file.stat().st_mode & 0o777 == 0o600

    def test_the_second_time_counts_once_the_token_is_ten_seconds_old(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, b"7", NOW - 5) is False
        assert self.ask(tmp_path, b"7", NOW - 5, NOW + 4) is False
        assert self.ask(tmp_path, b"7", NOW - 5, NOW + 5) is True

    def test_a_token_renewed_since_the_last_time_was_not_refused(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, b"7", NOW - 60) is False
        assert self.ask(tmp_path, b"7", NOW + 2400, NOW + 3000) is False
        assert self.ask(tmp_path, b"7", NOW + 2400, NOW + 3001) is True

    def test_a_token_of_the_second_from_which_it_counts_counts(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, b"7", NOW - 60) is False
        assert self.ask(tmp_path, b"7", NOW - 50) is True
        assert self.ask(tmp_path, b"7", NOW - 49) is False

    def test_another_caller_takes_its_place(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, b"a very long name of a caller") is False
        assert self.ask(tmp_path, b"8") is False
        assert (tmp_path / "a.asked").read_bytes() == b"8\n%d 1 0\n" % (NOW - 50)
        assert self.ask(tmp_path, b"8") is True

    @pytest.mark.parametrize("content", [b"", b"7", b"7\n", b"7\nsoon 1 0\n", b"7\n\n"])
    def test_a_damaged_note_is_written_anew(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.asked").write_bytes(content)
        (tmp_path / "a.asked").chmod(0o600)
        assert self.ask(tmp_path, b"7") is False
        assert self.ask(tmp_path, b"7") is True

    def test_a_note_that_others_can_write_does_not_count(self, tmp_path: Path) -> None:
        self.ask(tmp_path, b"7")
        (tmp_path / "a.asked").chmod(0o660)
        assert self.ask(tmp_path, b"7") is False

    def test_nothing_is_written_through_a_link_or_where_it_cannot_be(self, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.write_text("mine")
        (tmp_path / "a.asked").symlink_to(target)
        assert self.ask(tmp_path, b"7") is False
        assert target.read_text() == "mine"
        assert self.ask(tmp_path / "missing", b"7") is False


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="the facts are read from /proc")
class TestCaller:
    def named(self, folder: Path, name: str) -> tuple[str, str]:
        """Start a program called ``name``; return how it is named, and what /proc says of it."""
        program = shutil.copy(shutil.which("sleep") or "", folder / name)
        with subprocess.Popen([program, "30"]) as process:
            found = _hot.caller(process.pid)
            start = Path(f"/proc/{process.pid}/stat").read_text().split()[21]
            process.kill()
        return found, f"{process.pid} {start} {program}"

    @pytest.mark.parametrize(
        "name",
        [*("kubectl", "kubectl-1.36", "helm", "pythonic", "k9s"), *("kubectl.exe", "my.exe.d")],
    )
    def test_is_named_by_id_start_and_program(self, tmp_path: Path, name: str) -> None:
        found, expected = self.named(tmp_path, name)
        assert found == expected

    @pytest.mark.parametrize(
        "name",
        [
            *("python", "python3", "python3.14", "pypy3", "sh", "bash", "dash", "zsh", "ksh"),
            *("fish", "busybox", "cmd.exe", "CMD.EXE", "powershell", "pwsh", "explorer.exe"),
            *("py", "py.exe", "Python", "python3.12.exe", r"C:\Windows\cmd.exe"),
        ],
    )
    def test_a_shell_or_an_interpreter_is_nobody_in_particular(
        self, tmp_path: Path, name: str
    ) -> None:
        assert self.named(tmp_path, name)[0] == ""

    def test_is_the_parent_unless_another_process_is_named(self) -> None:
        assert _hot.caller(but=()) == _hot.caller(os.getppid(), but=())
        assert _hot.caller(but=()).split()[0] == str(os.getppid())

    @pytest.mark.parametrize("marked", [False, True])
    def test_is_client_go_only_if_it_is_written_in_go(self, tmp_path: Path, marked: bool) -> None:
        program = Path(shutil.copy(shutil.which("sleep") or "", tmp_path / "client"))
        if marked:
            mark_as_go(program)
        with subprocess.Popen([program, "30"]) as process:
            found = _hot.may_be_client_go(process.pid)
            process.kill()
        assert found is marked
        assert _hot.may_be_client_go(1 << 30), "where nothing is known, it may be"

    @pytest.mark.parametrize(
        ("start", "changed", "expected"),
        [
            # elf(5): the sections' place, and the processor's flags behind it.
            pytest.param(40, bytes(8), True, id="no sections"),
            pytest.param(40, b"\xff" * 8, True, id="sections past the end of all files"),
            pytest.param(40, (1 << 40).to_bytes(8, "little"), True, id="sections past the end"),
            pytest.param(48, b"\x01", False, id="flags"),
        ],
    )
    def test_a_program_without_readable_sections_may_be_client_go(
        self, tmp_path: Path, start: int, changed: bytes, expected: bool
    ) -> None:
        program = Path(shutil.copy(shutil.which("sleep") or "", tmp_path / "client"))
        data = bytearray(program.read_bytes())
        data[start : start + len(changed)] = changed
        program.write_bytes(data)
        with subprocess.Popen([program, "30"]) as process:
            found = _hot.may_be_client_go(process.pid)
            process.kill()
        assert found is expected

    def test_leaves_no_file_open(self, tmp_path: Path) -> None:
        before = os.listdir("/proc/self/fd")
        _hot.caller()
        _hot.may_be_client_go()
        assert _hot.read(record(tmp_path), NOW)[0] == b"credential"
        assert _hot.asks_again(str(tmp_path / "a.asked"), b"7", NOW, NOW) is False
        assert os.listdir("/proc/self/fd") == before

    def test_is_the_id_alone_where_nothing_is_known(self) -> None:
        assert _hot.caller(1 << 30) == str(1 << 30)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
class TestServe:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A private cache that the variables name, outside kubectl."""
        cache = tmp_path / "cache"
        cache.mkdir(0o700)
        monkeypatch.setenv("KUBEAUTH_CACHE_DIR", str(cache))
        monkeypatch.delenv("KUBERNETES_EXEC_INFO", raising=False)
        return cache

    @pytest.fixture
    def kubectl(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program in Go that the system names as our parent, as if it had called us."""
        program = Path(shutil.copy(shutil.which("sleep") or "", tmp_path / "kubectl"))
        mark_as_go(program)
        monkeypatch.setenv("KUBERNETES_EXEC_INFO", "{}")
        with subprocess.Popen([program, "300"]) as process:
            monkeypatch.setattr(_hot.system, "getppid", lambda: process.pid)
            yield process
            process.kill()

    def keep(self, folder: Path, until: int = FAR, written_on: int = 1, **fields: Any) -> Path:
        path = record(folder, written_on=written_on, until=until, **fields)
        name = _hot.digest(ARGV, _hot.environment())
        os.rename(path, folder / (name + ".hot"))
        return folder / name

    def test_writes_the_record_of_this_command_line(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.keep(folder)
        assert _hot.serve(ARGV) is True
        assert capfd.readouterr() == ("credential", "")
        assert _hot.serve([*ARGV, "--legacy"]) is False
        assert capfd.readouterr() == ("", "")

    def test_writes_nothing_for_one_that_has_ended(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.keep(folder, until=2)
        assert _hot.serve(ARGV) is False
        assert capfd.readouterr() == ("", "")

    def test_writes_nothing_from_a_folder_that_others_can_reach(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.keep(folder)
        folder.chmod(0o755)
        assert _hot.serve(ARGV) is False
        assert capfd.readouterr() == ("", "")

    def test_writes_the_record_while_the_last_caller_is_unknown(
        self, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBERNETES_EXEC_INFO", "{}")
        self.keep(folder)
        assert _hot.serve(ARGV) is True, "this process's parent is Python or a shell: no caller"
        assert capfd.readouterr().out == "credential"

    @pytest.mark.process
    @pytest.mark.skipif(sys.platform != "linux", reason="the facts are read from /proc")
    def test_notes_kubectl_and_takes_its_second_call_for_a_401(
        self, folder: Path, kubectl: subprocess.Popen[bytes], capfd: pytest.CaptureFixture[str]
    ) -> None:
        path = self.keep(folder)
        assert _hot.serve(ARGV) is True
        assert capfd.readouterr().out == "credential"
        noted = path.with_suffix(".asked").read_text().split("\n")
        assert noted == [_hot.caller(kubectl.pid), f"{NOW - 60} 1 0", ""]
        assert _hot.serve(ARGV) is False
        assert capfd.readouterr().out == ""

    @pytest.mark.process
    @pytest.mark.skipif(sys.platform != "linux", reason="the facts are read from /proc")
    def test_a_second_call_of_a_program_in_another_language_is_no_401(
        self, folder: Path, kubectl: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.keep(folder)
        with subprocess.Popen([shutil.which("sleep") or "", "300"]) as other:
            monkeypatch.setattr(_hot.system, "getppid", lambda: other.pid)
            answers = [_hot.serve(ARGV), _hot.serve(ARGV)]
            other.kill()
        assert answers == [True, True]

    @pytest.mark.process
    @pytest.mark.skipif(sys.platform != "linux", reason="the facts are read from /proc")
    def test_notes_nobody_outside_kubectl(
        self, folder: Path, kubectl: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("KUBERNETES_EXEC_INFO")
        path = self.keep(folder)
        assert [_hot.serve(ARGV), _hot.serve(ARGV)] == [True, True]
        assert not path.with_suffix(".asked").exists()

    @pytest.mark.parametrize(("due_on", "due"), [(NOW, True), (FAR - 1, False)])
    def test_says_whether_the_token_is_due(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, due_on: int, due: bool
    ) -> None:
        monkeypatch.setattr(_hot, "due", "")
        path = self.keep(folder, due_on=due_on)
        assert _hot.serve(ARGV) is True
        assert _hot.due == (str(path) if due else "")

    def test_raises_if_stdout_takes_only_a_part(self, folder: Path) -> None:
        self.keep(folder, credential=b"x" * 200_000)  # a pipe holds 64 KiB
        out, into = os.pipe()
        os.set_blocking(into, False)
        stdout = os.dup(1)
        os.dup2(into, 1)
        try:
            with pytest.raises(BlockingIOError):
                _hot.serve(ARGV)
        finally:
            os.dup2(stdout, 1)
            for each in (out, into, stdout):
                os.close(each)


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_leaving_ends_the_process_well() -> None:
    process = os.fork()
    if process == 0:
        _hot.leave()
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


@pytest.mark.skipif(os.name == "nt", reason="it plays Windows by what other systems have")
class TestOnWindows:
    """The branches of Windows, in a Python that takes itself for one on Windows."""

    @pytest.fixture
    def windows(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """Call a function in such a Python; what pytest itself does runs on the real system."""

        def call(function: Callable[..., Any], *arguments: Any) -> Any:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "platform", "win32")
                return function(*arguments)

        return call

    def test_a_folder_in_the_profile_is_private(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: Callable[..., Any]
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "cache").mkdir(0o755)
        environ = {"KUBEAUTH_CACHE_DIR": str(tmp_path / "cache")}
        expected = str(tmp_path / "cache")
        assert windows(_hot.cache_folder, [], environ) == expected
        assert windows(_hot.cache_folder, ["--cache-dir=~/cache"], {"HOME": "/x"}) == expected
        with pytest.raises(FileNotFoundError):
            windows(_hot.cache_folder, ["--cache-dir", str(tmp_path / "missing")], environ)

    def test_a_caller_that_cannot_be_looked_at_is_its_id_alone(
        self, windows: Callable[..., Any]
    ) -> None:
        assert windows(_hot.caller) == str(os.getppid())

    def test_no_file_has_mode_bits(self, tmp_path: Path, windows: Callable[..., Any]) -> None:
        tmp_path.chmod(0o777)
        assert windows(_hot.is_private, tmp_path.stat()) is True
