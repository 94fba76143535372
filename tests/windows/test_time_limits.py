"""A tool ends at its time limit with all that it has started, and what it prints is bounded."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from harness import Program, install_program

from kubeauth.adapters.programs import run_program

pytestmark = pytest.mark.process

BEAT = """
import sys, time
for _ in range(2000):
    open(sys.argv[1], "a").write(".")
    time.sleep(0.05)
"""
# `az` is such a wrapper: a batch file, which starts Python. This one ends before its child does.
LEAVES_A_CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, {script!r}, {file!r}])
"""


def stops_growing(file: Path) -> bool:
    """Return whether nothing is added for a second, within half a minute."""
    for _ in range(30):
        size = file.stat().st_size
        time.sleep(1)
        if file.stat().st_size == size:
            return True
    return False


def run_out_of_time(command: list[str], file: Path) -> None:
    """Run a tool to its time limit, which is longer where it has not come to its first beat."""
    for limit in (3, 10, 30):
        with pytest.raises(TimeoutError, match=f"no answer after {limit} s"):
            run_program(command, environ=dict(os.environ), limit=limit)
        if file.exists():
            return
    raise AssertionError("the tool did not start")


@pytest.fixture
def beat(tmp_path: Path) -> Path:
    script = tmp_path / "beat.py"
    script.write_text(BEAT)
    return script


@pytest.mark.parametrize("wrappers", [0, 1, 2])
def test_a_tree_of_processes_ends(tmp_path: Path, beat: Path, wrappers: int) -> None:
    file = tmp_path / "beats"
    command = [sys.executable, str(beat), str(file)]
    for number in range(wrappers):
        wrapper = tmp_path / f"wrapper{number}.cmd"
        wrapper.write_text("@" + " ".join(f'"{word}"' for word in command) + "\n")
        command = [str(wrapper)]
    run_out_of_time(command, file)
    assert stops_growing(file)


def test_a_child_whose_parent_has_ended_ends(tmp_path: Path, beat: Path) -> None:
    file = tmp_path / "beats"
    code = LEAVES_A_CHILD.format(script=str(beat), file=str(file))
    wrapper = install_program(tmp_path / "tools", "az", code)
    run_out_of_time([str(wrapper)], file)
    assert stops_growing(file)


def test_too_much_output_ends_it(tmp_path: Path) -> None:
    code = "while True: print('x' * 100000)\n"
    tool = install_program(tmp_path / "tools", "az", code)
    with pytest.raises(OSError, match="more than any token"):
        run_program([str(tool)], environ=dict(os.environ), limit=100)


@pytest.mark.parametrize("name", ["az", "a z", "ažure"])
def test_what_a_tool_prints_is_read(tmp_path: Path, name: str) -> None:
    code = "import sys; sys.stdout.buffer.write('žluť'.encode()); sys.exit(len(sys.argv))\n"
    tool = install_program(tmp_path / name, "tool", code)
    done = run_program([str(tool), "a b", "c"], environ=dict(os.environ), limit=100)
    assert (done.returncode, done.stdout) == (3, "žluť")


def test_the_command_says_it(program: Program, tmp_path: Path) -> None:
    tool = install_program(tmp_path / "bin", "az", "import time; time.sleep(30)\n")
    path = f"{tool.parent};{program.environ['PATH']}"
    ran = program.get_token("-l", "azurecli", "--timeout", "2", PATH=path)
    assert ran.code == 8 and "no answer after 2 s" in ran.error


def test_a_missing_program_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        run_program([r"C:\none\az.cmd"], environ=dict(os.environ), limit=3)
