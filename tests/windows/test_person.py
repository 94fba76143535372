"""Whether a person can be asked: consoles, pipes and the null device, for stdin and for stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from harness import Program, approving

from kubeauth.testing import AKS_CLIENT_ID, Simulator

pytestmark = pytest.mark.process

# With a console of its own that has no window.
CONSOLE = 0x08000000
DETACHED = 0x00000008
INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
# A child whose stderr is its console.
ON_CONSOLE = """
import os, sys
console = os.open("CONOUT$", os.O_RDWR)
os.dup2(console, 2)
sys.stderr = open(2, "w", closefd=False)
"""
ASK = """
from kubeauth_plugin.prompt import progress_line, prompt_for
prompt = prompt_for({interactive})
print(prompt.__name__ if prompt else "nobody", "line" if progress_line() else "no line")
"""


def ask(interactive, stderr, flags, before="", **environ) -> str:
    done = subprocess.run(
        [sys.executable, "-c", before + ASK.format(interactive=interactive)],
        env={k: v for k, v in os.environ.items() if k != "MSYSTEM"} | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        creationflags=flags,
        timeout=100,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("interactive", "answer"),
    [(None, "_to_stderr line"), (True, "_to_stderr line"), (False, "nobody line")],
)
def test_a_console_on_stderr(interactive, answer):
    assert ask(interactive, subprocess.PIPE, CONSOLE, ON_CONSOLE) == answer


@pytest.mark.parametrize("interactive", [None, True, False])
@pytest.mark.parametrize("flags", [CONSOLE, DETACHED], ids=["console", "no console"])
def test_the_null_device_is_nobody(interactive, flags):
    assert ask(interactive, subprocess.DEVNULL, flags) == "nobody no line"


@pytest.mark.parametrize("interactive", [None, True])
def test_a_pipe_leaves_the_console(interactive):
    assert ask(interactive, subprocess.PIPE, CONSOLE) == "_to_terminal no line"


@pytest.mark.parametrize(
    ("interactive", "answer"), [(None, "nobody"), (True, "_to_stderr"), (False, "nobody")]
)
def test_a_pipe_without_a_console(interactive, answer):
    assert ask(interactive, subprocess.PIPE, DETACHED) == f"{answer} no line"


def test_the_window_of_git_bash_is_a_pipe():
    assert ask(None, subprocess.PIPE, CONSOLE, MSYSTEM="MINGW64") == "_to_stderr no line"


@pytest.mark.parametrize("where", ["null", "pipe"])
def test_stdin_is_no_console(where):
    code = (
        "import sys; from kubeauth_plugin.prompt import is_terminal; print(is_terminal(sys.stdin))"
    )
    stdin = subprocess.DEVNULL if where == "null" else subprocess.PIPE
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=stdin, capture_output=True, text=True, timeout=100
    )
    assert done.stdout.strip() == "False", done.stderr


@pytest.fixture
def flags(sim: Simulator) -> tuple[str, ...]:
    return ("-l", "devicecode", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)


def test_a_person_signs_in_once(program: Program, sim: Simulator, flags) -> None:
    anna = sim.tenant.add_user("anna@contoso.example", "her-password")
    info = json.dumps({**INFO, "spec": {"interactive": True}})
    with approving(sim, anna):
        first = program.get_token(*flags, KUBERNETES_EXEC_INFO=info)
    assert first.status["token"] and "code" in first.stderr
    again = program.get_token(*flags, KUBERNETES_EXEC_INFO=info)
    assert again.status == first.status and again.stderr == ""


def test_nobody_there_is_said_at_once(program: Program, flags) -> None:
    info = json.dumps({**INFO, "spec": {"interactive": False}})
    ran = program.get_token(*flags, KUBERNETES_EXEC_INFO=info)
    assert ran.code == 5 and "cannot ask one here" in ran.error
