"""`python -m kubeauth.testing`: what it prints, pasted into another shell, signs kubectl in."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys

import pytest
from harness import BIN, basic_environ

from kubeauth.options.logins import LOGINS

pytestmark = pytest.mark.e2e

SIMULATE = (sys.executable, "-m", "kubeauth.testing")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_each_printed_command_works_as_it_is(tmp_path, newest_kubectl):
    shell_environ = basic_environ(tmp_path)
    shell_environ["PATH"] = os.pathsep.join(
        [str(BIN), os.path.dirname(newest_kubectl.path), os.environ["PATH"]]
    )
    with subprocess.Popen(SIMULATE, stdout=subprocess.PIPE, text=True) as simulator:
        try:
            printed = []
            while not printed or "Ctrl-C" not in printed[-1]:
                printed.append(simulator.stdout.readline())
            commands = [line.removeprefix("#   ") for line in printed if line.startswith("#   ")]
            # The last sign-in asks a person for a code; kubectl is its last command.
            script = "set -e\n" + "".join([*printed, *commands[:-1]])
            code, shown = in_a_terminal(["sh", "-c", script], shell_environ)
        finally:
            simulator.send_signal(signal.SIGINT)
    assert code == 0, shown
    logins = re.findall(r"convert-kubeconfig -l (\w+)", "".join(commands))
    assert {*logins, "auto", "azd", "azurepipelines", "azurepowershell", "vscode"} == set(LOGINS)
    # One of them is fetched, and one is not tried.
    assert shown.count("node-0") == len(logins) + 1 - 1
    assert "kubeauth devicecode" in shown and commands[-1] == "kubectl get nodes\n"


def in_a_terminal(words: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """Run a program in a terminal of its own; return its exit code and what the terminal got."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        words, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as shell:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal, on Linux
            while more := os.read(mine, 65536):
                shown += more
        os.close(mine)
        return shell.wait(60), shown.decode()


def test_help_and_other_words(tmp_path):
    said = subprocess.run([*SIMULATE, "--help"], capture_output=True, text=True, timeout=30)
    assert said.returncode == 0 and said.stdout.startswith("usage: python -m kubeauth.testing")
    said = subprocess.run([*SIMULATE, "--hlep"], capture_output=True, text=True, timeout=30)
    assert said.returncode == 2 and "--hlep" in said.stderr and not said.stdout
