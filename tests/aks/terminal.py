"""A person at a terminal, who answers questions."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence

import pytest
from harness import Program

_LIMIT = 60.0


def run_at_terminal(program: Program, args: Sequence[str], answers: str = "") -> str:
    """Run the program at a terminal of its own, type ``answers``, and return all that it shows."""
    mine, its = pytest.importorskip("pty").openpty()
    process = subprocess.Popen(
        [*program.command, *args], env=program.environ, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    os.write(mine, answers.encode())
    seen, deadline = b"", time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        if not select.select([mine], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(mine, 4096)
        except OSError:  # the program has ended, and nothing is left to read (Linux)
            break
        if not part:
            break
        seen += part
    process.wait(timeout=10)
    os.close(mine)
    return seen.decode().replace("\r\n", "\n")
