"""The fast path's own rules, without a process: which record, where it lies, whether it is good."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import mark_as_go

from kubeauth_plugin import _hot

NOW = 1_700_000_000
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
) -> str:
    times = f"{written_on} {NOW - 70} {until} {until} {len(b'credential') + longer}".encode()
    file = folder / "a.hot"
    content = b"\n".join([times, *stamps, b"", b"credential"])
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
            *("IDENTITY_ENDPOINT", "IMDS_ENDPOINT", "KUBEAUTH_CACHE_DIR", "KUBECACHEDIR"),
            *("KUBERNETES_EXEC_INFO", "MSI_ENDPOINT", "SYSTEM_ACCESSTOKEN", "USERPROFILE"),
        ],
    )
    def test_every_variable_that_can_change_the_answer_counts(self, name: str) -> None:
        assert _hot.digest(ARGV, {name: "1"}) != _hot.digest(ARGV, {})

    def test_takes_bytes_that_are_no_text(self) -> None:
        assert len(_hot.digest(["\udcff"], {"HOME": "\udcfe"})) == 32

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
        ],
    )
    def test_is_the_named_one(self, argv: list[str], environ: dict[str, str], folder: str) -> None:
        assert _hot.named_folder(argv, environ) == os.path.expanduser(folder)

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
        expected = (b"credential", NOW - 70) if good else (b"", 0)
        assert _hot.read(record(tmp_path, **fields), NOW)[:2] == expected

    def test_ends_with_the_files_it_was_made_of(self, tmp_path: Path) -> None:
        profile, missing = tmp_path / "a profile", tmp_path / "missing"
        profile.write_text("anna")
        stamps = tuple(
            b" ".join([*_hot.stamp(str(file)), os.fsencode(file)]) for file in (profile, missing)
        )
        path = record(tmp_path, stamps=stamps)
        assert _hot.read(path, NOW)[0] == b"credential"
        missing.touch()
        assert _hot.read(path, NOW)[0] == b""
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

    @pytest.mark.parametrize("name", ["kubectl", "kubectl-1.36", "helm", "pythonic", "k9s"])
    def test_is_named_by_id_start_and_program(self, tmp_path: Path, name: str) -> None:
        found, expected = self.named(tmp_path, name)
        assert found == expected

    @pytest.mark.parametrize(
        "name",
        [
            *("python", "python3", "python3.14", "pypy3", "sh", "bash", "dash", "zsh", "ksh"),
            *("fish", "busybox"),
        ],
    )
    def test_a_shell_or_an_interpreter_is_nobody_in_particular(
        self, tmp_path: Path, name: str
    ) -> None:
        assert self.named(tmp_path, name)[0] == ""

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

    def keep(self, folder: Path, until: int = 4_000_000_000, written_on: int = 1) -> None:
        path = record(folder, written_on=written_on, until=until)
        os.rename(path, folder / (_hot.digest(ARGV, dict(os.environ)) + ".hot"))

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
