"""``python -m kubeauth``: the same as the command."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process


@pytest.mark.parametrize("words", [["--version"], ["get-token", "--help"], ["get-token"], ["x"]])
def test_is_the_command(program, words):
    done = subprocess.run(
        [sys.executable, "-m", "kubeauth", *words],
        env=program.environ,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    command = program(*words)
    assert (done.returncode, done.stderr) == (command.code, command.stderr)
    assert done.stdout == command.stdout


def test_signs_in_and_finds_what_the_command_kept(program, spn, sim):
    first = program.get_token(*spn).status["token"]
    done = subprocess.run(
        [sys.executable, "-m", "kubeauth", "get-token", *program.always, *spn],
        env=program.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert first in done.stdout
    assert sim.requests.count(service="entra", path="/token") == 1
