"""A run of the tests that is killed leaves no server behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PARENT = """
import sys, time
from pathlib import Path
from realserver.process import BoundProcess
process = BoundProcess(sys.executable, "-c", sys.argv[2], log=Path(sys.argv[1]))
if sys.argv[3] == "closes":
    sys.stdin.readline()
    process.close()
    print("closed", flush=True)
time.sleep(600)
"""
# It says who it is, then stays.
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("end", ["is killed", "closes"])
def test_the_program_ends_with_its_owner(tmp_path: Path, end: str) -> None:
    log = tmp_path / "log"
    words = [sys.executable, "-c", PARENT, str(log), CHILD, end]
    environ = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        words, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        child = Path("/proc", log.read_text().strip())
        assert child.exists()
        if end == "closes":
            print(file=owner.stdin, flush=True)
            assert owner.stdout and owner.stdout.readline() == "closed\n"
            assert not child.exists()
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not child.exists())
