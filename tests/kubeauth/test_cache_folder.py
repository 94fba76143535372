"""The folder of the token cache: private, whole, and never in the way."""

from __future__ import annotations

import concurrent.futures
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import KUBEAUTH

from kubeauth.cache.storage.folder import NotPrivate, PrivateFolder
from kubeauth.cache.storage.location import cache_path
from kubeauth.cache.storage.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, owners and pipes are POSIX")
NOBODY = 65534
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")
as_user = pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may anything")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def folder(tmp_path):
    return PrivateFolder(tmp_path / "cache")


class TestFiles:
    def test_are_absent_before_they_are_written(self, folder):
        assert folder.read("a") is None and folder.names() == []
        assert folder.delete("a") is False
        assert not folder.path.exists(), "looking makes nothing"

    def test_are_read_as_written(self, folder):
        for content in (b"", b"x", bytes(range(256)) * 100):
            folder.write("a", content)
            assert folder.read("a") == content
        assert folder.names() == ["a"]
        assert folder.delete("a") is True
        assert folder.read("a") is None

    def test_are_private_whatever_the_umask_says(self, tmp_path):
        before = os.umask(0)
        try:
            folder = PrivateFolder(tmp_path / "deep" / "er" / "cache")
            folder.write("a", b"x")
        finally:
            os.umask(before)
        assert mode(folder.path) == 0o700 and mode(folder.path / "a") == 0o600

    def test_a_failed_write_leaves_the_old_file_and_nothing_else(self, folder):
        folder.write("a", b"old")
        (folder.path / "b").mkdir()
        with pytest.raises(OSError):
            folder.write("b", b"new")
        assert sorted(p.name for p in folder.path.iterdir()) == ["a", "b"]

    def test_the_folder_goes_when_it_is_empty_and_not_before(self, folder):
        folder.remove_if_empty()
        folder.write("a", b"x")
        folder.remove_if_empty()
        assert folder.read("a") == b"x"
        folder.delete("a")
        folder.remove_if_empty()
        assert not folder.path.exists()


class TestWhatOthersLeft:
    @pytest.mark.parametrize("bits", [0o644, 0o640, 0o602, 0o666])
    def test_a_file_that_others_can_touch_is_not_read(self, folder, bits):
        folder.write("a", b"x")
        (folder.path / "a").chmod(bits)
        with pytest.raises(NotPrivate):
            folder.read("a")
        folder.write("a", b"new")
        assert folder.read("a") == b"new", "but replaced"

    @as_root
    def test_a_file_of_somebody_else_is_not_read(self, folder):
        folder.write("a", b"x")
        os.chown(folder.path / "a", NOBODY, NOBODY)
        with pytest.raises(NotPrivate):
            folder.read("a")

    def test_a_link_is_not_followed_and_its_target_not_written(self, folder, tmp_path):
        folder.write("b", b"x")
        target = tmp_path / "target"
        target.write_bytes(b"other")
        target.chmod(0o600)
        (folder.path / "a").symlink_to(target)
        with pytest.raises(OSError):
            folder.read("a")
        folder.write("a", b"mine")
        assert target.read_bytes() == b"other" and folder.read("a") == b"mine"
        assert folder.delete("a") and target.exists()

    def test_a_pipe_does_not_block(self, folder):
        folder.write("b", b"x")
        os.mkfifo(folder.path / "a", 0o600)
        begun = time.monotonic()
        with pytest.raises(NotPrivate):
            folder.read("a")
        assert time.monotonic() - begun < 2
        folder.write("a", b"mine")
        assert folder.read("a") == b"mine"

    def test_a_folder_in_a_files_place_is_an_os_error(self, folder):
        folder.write("b", b"x")
        (folder.path / "a").mkdir(mode=0o700)
        with pytest.raises(OSError):
            folder.read("a")

    def test_a_huge_file_is_not_swallowed_whole(self, folder):
        folder.write("a", b"")
        with open(folder.path / "a", "r+b") as file:
            file.truncate(1 << 33)
        content = folder.read("a")
        assert content is not None and len(content) <= 1 << 20


class TestAFolderThatIsNotOurs:
    @pytest.mark.parametrize("bits", [0o755, 0o777, 0o1777, 0o750])
    def test_gets_a_private_one_inside_and_keeps_its_rights(self, tmp_path, bits):
        shared = tmp_path / "shared"
        shared.mkdir()
        shared.chmod(bits)
        folder = PrivateFolder(shared)
        assert folder.read("a") is None
        folder.write("a", b"x")
        assert folder.read("a") == b"x" and folder.names() == ["a"]
        assert mode(shared) == bits
        assert [p.name for p in shared.iterdir()] == ["kubeauth"]
        assert mode(shared / "kubeauth") == 0o700

    @pytest.mark.parametrize("what", ["open", "link", "file"])
    def test_is_not_used_when_the_inner_one_is_a_trap(self, tmp_path, what):
        shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
        for made in (shared, elsewhere):
            made.mkdir()
            made.chmod(0o777)
        inner = shared / "kubeauth"
        if what == "open":
            inner.mkdir()
            inner.chmod(0o777)
        elif what == "link":
            inner.symlink_to(elsewhere)
        else:
            inner.write_text("")
        folder = PrivateFolder(shared)
        with pytest.raises(NotPrivate):
            folder.write("a", b"x")
        with pytest.raises(NotPrivate):
            folder.read("a")
        assert list(elsewhere.iterdir()) == []

    @as_root
    def test_of_another_owner_is_not_taken_for_ours(self, tmp_path):
        theirs = tmp_path / "theirs"
        theirs.mkdir(mode=0o700)
        os.chown(theirs, NOBODY, NOBODY)
        folder = PrivateFolder(theirs)
        folder.write("a", b"x")
        assert [p.name for p in theirs.iterdir()] == ["kubeauth"]

    @as_user
    def test_that_cannot_be_written_is_an_os_error(self, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError):
            PrivateFolder(tmp_path / "cache").write("a", b"x")
        tmp_path.chmod(0o700)

    def test_that_cannot_be_made_is_an_os_error(self, tmp_path):
        (tmp_path / "file").write_text("")
        folder = PrivateFolder(tmp_path / "file" / "cache")
        assert folder.read("a") is None
        with pytest.raises(OSError):
            folder.write("a", b"x")


WRITER = """
import sys
from pathlib import Path
from kubeauth.cache.storage.folder import PrivateFolder
folder, letter = PrivateFolder(Path(sys.argv[1])), sys.argv[2].encode()
for _ in range(25):
    folder.write("a", letter * 50_000)
    seen = folder.read("a")
    assert seen is not None and len(seen) == 50_000 and len(set(seen)) == 1, "torn"
"""


@pytest.mark.process
def test_eight_processes_never_see_half_a_file(folder):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder.path), letter],
            stderr=subprocess.PIPE,
            text=True,
        )
        for letter in "abcdefgh"
    ]
    ends = [(writer.communicate(timeout=60)[1], writer.returncode) for writer in writers]
    assert ends == [("", 0)] * 8
    assert folder.names() == ["a"]


class TestLocation:
    @pytest.mark.parametrize(
        ("flag", "environ", "expected"),
        [
            ("/flag", {"KUBEAUTH_CACHE_DIR": "/own", "KUBECACHEDIR": "/kube"}, "/flag"),
            ("", {"KUBEAUTH_CACHE_DIR": "/own", "KUBECACHEDIR": "/kube"}, "/own"),
            ("", {"KUBEAUTH_CACHE_DIR": "", "KUBECACHEDIR": "/kube"}, "/kube/kubeauth"),
        ],
    )
    def test_the_flag_then_ours_then_kubectls(self, flag, environ, expected):
        assert cache_path(flag, environ) == str(Path(expected))

    def test_a_tilde_is_the_home(self):
        assert cache_path("~/x", {}) == str(Path.home() / "x")
        assert cache_path("", {}) == str(Path.home() / ".kube" / "cache" / "kubeauth")

    def test_the_home_is_that_of_the_environment_given(self):
        assert cache_path("", {"HOME": "/h"}) == "/h/.kube/cache/kubeauth"


DAMAGES = (
    *("empty", "half", "garbage", "another shape", "readable by others"),
    *("directory", "link", "pipe"),
)


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how in ("directory", "link", "pipe"):
        file.unlink()
    ways = {
        "empty": lambda: file.write_bytes(b""),
        "half": lambda: file.write_bytes(content[: len(content) // 2]),
        "garbage": lambda: file.write_bytes(os.urandom(200)),
        "another shape": lambda: file.write_bytes(b'[{"token": 5}]'),
        "readable by others": lambda: file.chmod(0o644),
        "directory": lambda: file.mkdir(mode=0o700),
        "link": lambda: file.symlink_to("/dev/zero"),
        "pipe": lambda: os.mkfifo(file, 0o600),
    }
    ways[how]()


class TestTheProgram:
    @pytest.mark.parametrize("how", DAMAGES)
    def test_signs_in_again_where_the_cache_is_damaged(self, program, sim, spn, how):
        assert program.get_token(*spn).status["token"]
        files = [file for file in program.cache.rglob("*") if file.is_file()]
        assert files
        for file in files:
            damage(file, how)
        sim.requests.clear()
        ran = program.get_token(*spn, limit=20)
        assert ran.status["token"] and "Traceback" not in ran.stderr
        assert sim.requests.count(service="entra") > 0
        if how != "directory":
            sim.requests.clear()
            assert program.get_token(*spn).status["token"]
            assert len(sim.requests) == 0, "and it is whole again"

    @pytest.mark.parametrize("place", ["/proc/kubeauth", "file"])
    def test_says_once_that_it_cannot_keep_anything(self, program, spn, place, tmp_path):
        if place == "file":
            (tmp_path / "file").write_text("")
            place = str(tmp_path / "file")
        ran = program.get_token(*spn, "--cache-dir", place)
        assert ran.status["token"]
        (line,) = ran.stderr.splitlines()
        assert line.startswith("warning: ") and "--cache-dir" in line

    def test_six_at_once_all_get_in(self, program, sim, spn):
        runs = [
            subprocess.Popen(
                [str(KUBEAUTH), "get-token", *program.always, *spn],
                env=program.environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(6)
        ]
        ends = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
        assert ends == [("", 0)] * 6
        sim.requests.clear()
        assert program.get_token(*spn).status["token"] and len(sim.requests) == 0


def test_all_who_make_the_folder_at_once_make_the_same(tmp_path):
    for number in range(30):
        path = tmp_path / str(number) / "cache"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            made = set(pool.map(lambda _, path=path: PrivateFolder(path).ready(), range(8)))
        assert made == {str(path)}


@as_root
class TestAfterSudo:
    """A command with sudo and the user's HOME made root's folders there."""

    @pytest.fixture
    def user(self, tmp_path):
        """Somebody without a right to the folder of root, in a home of their own."""
        (tmp_path / "home" / ".kube").mkdir(parents=True)
        (tmp_path / "run").mkdir()
        for place in (tmp_path / "home", tmp_path / "run"):
            os.chown(place, NOBODY, NOBODY)
        for place in (tmp_path, tmp_path.parent, tmp_path.parent.parent, tmp_path.parents[2]):
            place.chmod(place.stat().st_mode | 0o011)
        os.seteuid(NOBODY)
        yield tmp_path
        os.seteuid(0)

    @pytest.mark.parametrize("what", [".kube", ".kube/cache/kubeauth"])
    def test_another_place_is_used_and_the_mending_command_named(self, user, what):
        os.seteuid(0)
        (user / "home" / what).mkdir(parents=True, exist_ok=True)
        for place in (user / "home" / ".kube").rglob("*"):
            os.chown(place, NOBODY, NOBODY)
        if what != ".kube":
            os.chown(user / "home" / ".kube", NOBODY, NOBODY)
        (user / "home" / what).chmod(0o700)
        os.chown(user / "home" / what, 0, 0)
        os.seteuid(NOBODY)
        said = []
        path, other = str(user / "home/.kube/cache/kubeauth"), str(user / "run" / "kubeauth")
        store = Store(path, "file", said.append, other)
        assert store.write("a", b"x") and store.write("b", b"y")
        assert Store(path, "file", said.append, other).read("a") == b"x"
        assert mode(user / "run" / "kubeauth") == 0o700
        (line,) = said
        assert f"{user}/home/{what} belongs to root" in line
        assert f"sudo chown -R nobody {user}/home/{what}`" in line

    def test_a_folder_of_ones_own_is_used(self, user):
        os.seteuid(0)
        os.chown(user / "home" / ".kube", NOBODY, NOBODY)
        os.seteuid(NOBODY)
        said = []
        store = Store(str(user / "home/.kube/c"), "file", said.append, str(user / "run/k"))
        assert store.write("a", b"x") and not said
        assert (user / "home/.kube/c/a").exists()

    def test_somebody_elses_other_place_is_not(self, user):
        os.seteuid(0)
        (user / "run" / "kubeauth").mkdir(mode=0o700)
        os.seteuid(NOBODY)
        said = []
        store = Store(str(user / "home/.kube/c"), "file", said.append, str(user / "run/kubeauth"))
        assert not store.write("a", b"x")
        assert store.read("a") == b"x", "in memory"
        assert "cannot store the token" in said[0]
