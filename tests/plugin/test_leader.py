"""Many calls with one command line: the first signs in, the others wait and serve its record."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from harness import BIN, KUBEAUTH, Program

from kubeauth.testing import Fault, Simulator

TOKEN = "/oauth2/v2.0/token"
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no flock"),
]


def start(program: Program, *args: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "importtime", str(KUBEAUTH), *args],
        env={**program.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def imported(stderr: str) -> set[str]:
    lines = [line for line in stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_who_waits_imports_no_more_than_a_hit(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    sim.faults.add(Fault(service="entra", path=TOKEN, latency=1.5, times=None))
    words = ("get-token", *program.always, *spn)
    ended = [
        (process, *process.communicate(timeout=60))
        for process in [start(program, *words) for _ in range(6)]
    ]
    assert {process.returncode for process, _, _ in ended} == {0}
    assert len({json.loads(stdout)["status"]["token"] for _, stdout, _ in ended}) == 1
    heavy = [stderr for _, _, stderr in ended if "kubeauth.providers.base" in imported(stderr)]
    assert len(heavy) == 1, "one signs in"
    assert sim.requests.count(path=TOKEN) == 1


@pytest.mark.parametrize("folder", ["kc", "./kc", "a/b/c", "~nobody-here/kc", "."])
def test_a_relative_cache_folder_works(
    program: Program, sim: Simulator, spn: tuple[str, ...], tmp_path: Path, folder: str
) -> None:
    words = ("get-token", *program.always, *spn, "--cache-dir", folder)
    for _ in range(2):
        done = subprocess.run(
            [str(BIN / "kubeauth"), *words],
            env=program.environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert sim.requests.count(path=TOKEN) == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)
def test_a_user_that_the_system_does_not_know_signs_in(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    """As in a container of OpenShift: a user id without an entry, and no HOME."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        certificates = Path(folder, "ca.pem")
        certificates.write_bytes(Path(sim.ca_file).read_bytes())
        certificates.chmod(0o644)
        done = subprocess.run(
            [str(BIN / "kubeauth"), "get-token", *program.always, *spn],
            env={"PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(certificates)},
            cwd=folder,
            user=54321,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"]["token"]
        assert done.stderr.startswith("warning: ") and done.stderr.count("\n") == 1
        assert os.listdir(folder) == ["ca.pem"], "a folder called ~"


def test_a_leader_that_fails_tells_those_who_wait(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    sim.faults.add(Fault(service="entra", path=TOKEN, latency=1.0, times=None))
    words = ("get-token", *program.always, *spn[:-1], "wr0ng")
    running = [
        subprocess.Popen(
            [str(KUBEAUTH), *words],
            env=program.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    ended = [(process, *process.communicate(timeout=60)) for process in running]
    assert {process.returncode for process, _, _ in ended} == {4}
    assert all("AADSTS7000215" in stderr for _, _, stderr in ended)
    assert sim.requests.count(path=TOKEN) <= 2


def test_a_leader_that_is_killed_holds_nobody_up(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    sim.faults.add(Fault(service="entra", path=TOKEN, hang=30, times=1))
    words = [str(KUBEAUTH), "get-token", *program.always, *spn]
    with subprocess.Popen(words, env=program.environ, stdout=subprocess.DEVNULL) as leader:
        while sim.requests.count(path=TOKEN) == 0:
            assert leader.poll() is None
        leader.kill()
    assert program.get_token(*spn).status["token"]


@pytest.mark.parametrize("latency", [0.5, 3.5])
def test_a_terminal_shows_a_long_wait(
    program: Program, sim: Simulator, spn: tuple[str, ...], latency: float
) -> None:
    sim.faults.add(Fault(service="entra", path=TOKEN, latency=latency, times=None))
    pty = pytest.importorskip("pty")
    mine, theirs = pty.openpty()
    words = [str(KUBEAUTH), "get-token", *program.always, *spn]
    null = subprocess.DEVNULL
    with subprocess.Popen(words, env=program.environ, stdout=null, stderr=null) as leader:
        while not list(program.cache.glob("*.leader")):
            assert leader.poll() is None
        time.sleep(0.2)  # it takes the lock on the file that it has just made
        done = subprocess.run(words, env=program.environ, stdout=null, stderr=theirs, timeout=30)
    os.set_blocking(mine, False)
    try:
        shown = os.read(mine, 4096).decode()
    except OSError:
        shown = ""
    os.close(theirs)
    os.close(mine)
    assert done.returncode == 0
    text = "another kubeauth is signing in; waiting for it"
    assert shown == (f"{text}\r{' ' * len(text)}\r" if latency > 2 else "")


def test_folders_are_private_whatever_the_umask(program: Program, spn: tuple[str, ...]) -> None:
    old = os.umask(0)
    try:
        assert program.get_token(*spn).status["token"]
    finally:
        os.umask(old)
    modes = {
        name: stat.S_IMODE((program.home / name).stat().st_mode)
        for name in (".kube", ".kube/cache", ".kube/cache/kubeauth")
    }
    assert modes == {".kube": 0o750, ".kube/cache": 0o750, ".kube/cache/kubeauth": 0o700}


def test_a_folder_that_another_call_makes_meanwhile_is_used(tmp_path: Path) -> None:
    """Not another one inside it."""
    script = """
import os, sys
from kubeauth_plugin import _hot, _leader
look = _hot.cache_folder
def look_too_early(argv, environ):
    try:
        return look(argv, environ)
    except FileNotFoundError:
        os.makedirs(sys.argv[1], 0o700)  # as the other call does, a moment later
        raise
_hot.cache_folder = look_too_early
print(_leader._ready_folder(["--cache-dir", sys.argv[1]]))
"""
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", script, str(cache)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(cache) and list(cache.iterdir()) == []


@pytest.mark.parametrize("storage", ["memory", "none"])
def test_storages_that_keep_nothing_on_disk_make_no_folder(
    program: Program, spn: tuple[str, ...], storage: str
) -> None:
    assert program.get_token(*spn, "--cache-storage", storage).status["token"]
    assert program.get_token(*spn, KUBEAUTH_CACHE_STORAGE=storage).status["token"]
    assert list(program.home.iterdir()) == []


def test_a_closed_stdout_is_not_the_lock(
    program: Program, spn: tuple[str, ...], tmp_path: Path
) -> None:
    words = " ".join(f"'{word}'" for word in ("get-token", *program.always, *spn))
    script = f"{KUBEAUTH} {words} >&- 0<&- 2>{tmp_path / 'stderr'}"
    done = subprocess.run(["sh", "-c", script], env=program.environ, timeout=60)
    assert done.returncode == 2
    assert "stdout is closed" in (tmp_path / "stderr").read_text()
    for file in program.cache.glob("*.leader"):
        assert file.read_bytes() == b""
