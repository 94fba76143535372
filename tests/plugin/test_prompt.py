"""Whether a person can be asked: a child process at a terminal, in a pipe, in the void."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

if os.name != "posix":
    pytest.skip("terminals are made with pty here", allow_module_level=True)

import pty

pytestmark = pytest.mark.process

CODE = """
import sys
{before}
from kubeauth_plugin.prompt import prompt_for
prompt = prompt_for({interactive})
print("nobody" if prompt is None else "somebody", flush=True)
if prompt is not None:
    prompt("the code is 42")
"""
# Make the terminal on stdin the one the process belongs to, as a login shell does.
OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"


@dataclass
class Seen:
    """What a child said on stdout, on its stderr where that is a pipe, and on its terminal."""

    answer: str
    stderr: str
    terminal: str


def ask(interactive, *, stderr: str, terminal: bool = False) -> Seen:
    """Ask in a child in a session of its own; ``terminal`` gives it one to belong to."""
    mine, theirs = pty.openpty()
    streams = {"terminal": theirs, "pipe": subprocess.PIPE, "null": subprocess.DEVNULL}
    code = CODE.format(interactive=interactive, before=OWN_TERMINAL if terminal else "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=theirs if terminal else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=streams[stderr],
        text=True,
        timeout=30,
        start_new_session=True,
    )
    assert done.returncode == 0, done.stderr
    os.set_blocking(mine, False)
    try:
        shown = os.read(mine, 4096).decode()
    except OSError:
        shown = ""
    os.close(theirs)
    os.close(mine)
    return Seen(done.stdout.strip(), done.stderr or "", shown)


@pytest.mark.parametrize("interactive", [None, True])
def test_a_terminal_on_stderr_is_where_the_text_goes(interactive):
    seen = ask(interactive, stderr="terminal")
    assert seen.answer == "somebody" and "the code is 42" in seen.terminal


@pytest.mark.parametrize("interactive", [None, True])
def test_a_stderr_in_a_pipe_leaves_the_terminal_itself(interactive):
    seen = ask(interactive, stderr="pipe", terminal=True)
    assert seen.answer == "somebody" and seen.stderr == ""
    assert "the code is 42" in seen.terminal


@pytest.mark.parametrize("interactive", [None, True])
def test_a_discarded_stderr_means_that_nobody_looks(interactive):
    seen = ask(interactive, stderr="null", terminal=True)
    assert (seen.answer, seen.terminal) == ("nobody", "")


def test_no_terminal_anywhere():
    assert ask(None, stderr="pipe").answer == "nobody"
    assert ask(None, stderr="null").answer == "nobody"


def test_a_caller_who_insists_is_believed():
    seen = ask(True, stderr="pipe")
    assert (seen.answer, seen.stderr.strip()) == ("somebody", "the code is 42")


@pytest.mark.parametrize("stderr", ["terminal", "pipe", "null"])
def test_a_caller_who_says_no_is_obeyed(stderr):
    seen = ask(False, stderr=stderr, terminal=True)
    assert (seen.answer, seen.terminal, seen.stderr) == ("nobody", "", "")
