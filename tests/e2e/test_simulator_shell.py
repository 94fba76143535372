"""`python -m kubeauth.testing`: what it prints, pasted into another shell, signs kubectl in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from harness import BIN, basic_environ

pytestmark = pytest.mark.e2e

SIMULATE = (sys.executable, "-m", "kubeauth.testing")


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
            # The last one asks a person, who is not here.
            script = "set -e\n" + "".join([*printed, *commands[:-1]])
            ran = subprocess.run(
                ["sh", "-c", script], env=shell_environ, capture_output=True, text=True, timeout=60
            )
        finally:
            simulator.send_signal(signal.SIGINT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("node-0") == 3
    assert "kubeauth devicecode" in ran.stdout and commands[-1] == "kubectl get nodes\n"


def test_help_and_other_words(tmp_path):
    said = subprocess.run([*SIMULATE, "--help"], capture_output=True, text=True, timeout=30)
    assert said.returncode == 0 and said.stdout.startswith("usage: python -m kubeauth.testing")
    said = subprocess.run([*SIMULATE, "--hlep"], capture_output=True, text=True, timeout=30)
    assert said.returncode == 2 and "--hlep" in said.stderr and not said.stdout
