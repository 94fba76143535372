"""Running another program: bounded, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import not_on_windows

from kubeauth.adapters.programs import Completed, find_program, run_program

pytestmark = pytest.mark.process

ENVIRON = {"PATH": "/usr/bin:/bin"}


def python(code: str, limit: float = 20.0, **environ: str) -> Completed:
    return run_program([sys.executable, "-c", code], environ={**ENVIRON, **environ}, limit=limit)


def state_of(pid: int) -> str:
    """Return the letter of a process's state, such as R for running and Z for ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that waits to be buried does not."""
    return state_of(pid) != "Z"


def dies(pid: int) -> bool:
    """Say whether a process that was killed is gone, as soon as the kernel gets to it."""
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def wait_for(file: Path) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if file.exists() and file.read_text().strip():
            return int(file.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{file} was never written")


class TestRunProgram:
    def test_gives_code_and_output(self):
        done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
        assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (3, "out", "err")

    def test_its_output_is_not_in_the_repr(self):
        assert "t0k3n" not in repr(python("print('t0k3n')"))

    @not_on_windows("a program gets variables of the system, too")
    def test_has_exactly_the_environment_it_was_given(self):
        done = python("import os; print(sorted(os.environ))", ONLY="this")
        assert "'ONLY'" in done.stdout and "HOME" not in done.stdout

    def test_reads_nothing_from_our_stdin(self):
        assert python("import sys; print(repr(sys.stdin.read()))").stdout.strip() == "''"

    def test_takes_arguments_as_they_are(self):
        words = ["$(id)", "; echo x", "a b", "*", "'"]
        code = "import sys; print(sys.argv[1:])"
        done = run_program([sys.executable, "-c", code, *words], environ=ENVIRON, limit=20)
        assert done.stdout.strip() == str(words)

    def test_bytes_that_are_no_text_do_no_harm(self):
        done = python("import os; os.write(1, b'a\\xff\\xfeb')")
        assert done.stdout.startswith("a") and done.stdout.endswith("b")

    def test_a_megabyte_on_both_streams_does_not_block(self):
        done = python("import os; os.write(2, b'e' * 10**6); os.write(1, b'o' * 10**6)")
        assert (len(done.stdout), len(done.stderr)) == (10**6, 10**6)

    def test_a_limit_of_weeks_is_no_crash(self):
        assert python("print(1)", limit=10**8).stdout.strip() == "1"

    def test_a_program_that_is_not_there(self):
        with pytest.raises(FileNotFoundError):
            run_program(["/nonexistent/az"], environ=ENVIRON, limit=5)

    @not_on_windows("Windows has no mode that forbids to run a file")
    def test_a_program_that_may_not_run(self, tmp_path):
        (tmp_path / "az").write_text("#!/bin/sh\n")
        with pytest.raises(PermissionError):
            run_program([str(tmp_path / "az")], environ=ENVIRON, limit=5)


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
class TestLimit:
    def test_ends_the_program_and_its_children(self, tmp_path):
        """A wrapper script, as `az` is one, whose child holds the output open."""
        pid = tmp_path / "pid"
        begun = time.monotonic()
        script = f"sleep 60 & echo $! > {pid}; wait"
        with pytest.raises(TimeoutError, match=r"0\.7 s"):
            run_program(["/bin/sh", "-c", script], environ=ENVIRON, limit=0.7)
        assert time.monotonic() - begun < 5
        assert dies(wait_for(pid))

    def test_an_interrupted_caller_leaves_nothing_behind(self, tmp_path):
        pid = tmp_path / "pid"
        code = (
            "from kubeauth.adapters.programs import run_program\n"
            f"argv = ['/bin/sh', '-c', 'echo $$ > {pid}; sleep 60']\n"
            "run_program(argv, environ={}, limit=60)\n"
        )
        argv = [sys.executable, "-c", code]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as caller:
            child = wait_for(pid)
            caller.send_signal(signal.SIGINT)
            assert caller.wait(10) != 0
        assert dies(child)

    def test_an_interrupted_start_leaves_nothing_behind(self):
        """Ctrl-C, here an alarm, in the moment in which the program starts."""
        code = (
            "import os, random, signal\n"
            "from kubeauth.adapters.programs import run_program\n"
            "def interrupt(*_): raise KeyboardInterrupt\n"
            "signal.signal(signal.SIGALRM, interrupt)\n"
            "random.seed(1)\n"
            "for _ in range(100):\n"
            "    try:\n"
            "        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.003))\n"
            "        run_program(['/bin/sleep', '60'], environ={}, limit=60)\n"
            "    except KeyboardInterrupt:\n"
            "        pass\n"
            "    try:\n"
            "        while os.waitpid(-1, os.WNOHANG) != (0, 0): pass\n"
            "        raise SystemExit('one is left')\n"
            "    except ChildProcessError:\n"
            "        pass\n"
        )
        argv = [sys.executable, "-c", code]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=50)
        assert (done.returncode, done.stderr) == (0, "")

    def test_the_children_of_a_program_that_has_ended_do_not_hold_us_up(self):
        """The wrapper is gone; a daemon that it started still has the pipe."""
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            run_program(["/bin/sh", "-c", "sleep 60 & exit 0"], environ=ENVIRON, limit=0.7)
        assert time.monotonic() - begun < 5


@not_on_windows("programs have other names there; tests/windows/test_current_folder.py")
class TestFindProgram:
    @pytest.fixture
    def az(self, tmp_path):
        program = tmp_path / "az"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        return program

    def test_on_the_given_path_only(self, az, monkeypatch):
        assert find_program("az", {"PATH": str(az.parent)}) == str(az)
        monkeypatch.setenv("PATH", str(az.parent))
        assert find_program("az", {"PATH": "/nonexistent"}) == ""
        assert find_program("az", {}) == ""

    def test_in_its_usual_places_last(self, az, tmp_path):
        usual = [str(tmp_path / "none"), str(az)]
        assert find_program("az", {"PATH": "/nonexistent"}, usual) == str(az)
        other = tmp_path / "first"
        other.mkdir()
        (other / "az").write_text("")
        (other / "az").chmod(0o755)
        assert find_program("az", {"PATH": str(other)}, usual) == str(other / "az")

    def test_not_what_cannot_be_run(self, az):
        az.chmod(0o644)
        assert find_program("az", {"PATH": str(az.parent)}, [str(az)]) == ""


class TestOutput:
    @pytest.mark.parametrize("stream", ["stdout", "stderr"])
    def test_without_end_is_an_error_and_the_program_is_ended(self, stream, tmp_path):
        pid = tmp_path / "pid"
        code = (
            f"import os, sys\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\n"
            f"while True: sys.{stream}.write('x' * 65536)"
        )
        with pytest.raises(OSError, match="more than any token"):
            python(code)
        assert dies(wait_for(pid))

    def test_of_a_megabyte_is_taken(self):
        assert len(python("print('x' * (1 << 20), end='')").stdout) == 1 << 20

    def test_a_program_that_closes_its_outputs_is_waited_for(self):
        code = "import os, time, sys; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)"
        assert python(code).returncode == 7

    def test_and_not_for_ever(self):
        with pytest.raises(TimeoutError):
            python("import os, time; os.close(1); os.close(2); time.sleep(30)", limit=0.5)
