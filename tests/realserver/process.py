"""A program that ends with the process that started it, however that one ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["BoundProcess"]

# The end of stdin is the end of whoever holds the other side, also after a SIGKILL.
_WATCHER = """
import subprocess, sys, threading
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def end_it():
    sys.stdin.read()
    child.kill()
threading.Thread(target=end_it, daemon=True).start()
sys.exit(child.wait())
"""


class BoundProcess:
    """A running program; a small process beside it kills it when ours is gone."""

    def __init__(self, *command: str, log: Path) -> None:
        with log.open("ab") as stream:
            self._watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHER, *command],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
            )

    @property
    def has_ended(self) -> bool:
        """Whether the program has ended by itself."""
        return self._watcher.poll() is not None

    def close(self) -> None:
        """End the program and wait until it is gone."""
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()
        self._watcher.wait(30)
