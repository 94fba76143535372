"""The program of ``--exec``: start it, hand it signals, and end with it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

from kubeauth.adapters.programs import find_program
from kubeauth.errors import SettingsError

__all__ = ["Child", "Stopped", "stop_on_signals"]

_NAMES: Final = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGINT", "SIGBREAK")
_SIGNALS: Final = [number for name in _NAMES if (number := getattr(signal, name, None))]


class Stopped(BaseException):
    """The end of the command, raised from a signal's handler; ``code`` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def stop_on_signals() -> None:
    """Let SIGTERM end the command with code 0 at once; each write of the file is atomic."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped(0)

    signal.signal(signal.SIGTERM, stop)


class Child:
    """A program that runs until it ends by itself; its end is ours."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        watches = getattr(signal, "SIGCHLD", None)
        if watches:
            signal.signal(watches, self._look)
        try:
            self._running = subprocess.Popen(_command(argv))  # what the user typed
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a command"
            raise SettingsError(
                f"--exec: cannot start {argv[0]} ({reason})", hint="check the command after --exec"
            ) from error
        for number in _SIGNALS:
            signal.signal(number, self._forward)
        self._look()

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopped as soon as the program has ended."""
        if hasattr(signal, "SIGCHLD"):
            time.sleep(seconds)
        elif self._running is not None:
            try:
                self._running.wait(seconds)
            except subprocess.TimeoutExpired:
                return
        self._look()

    def _look(self, *_: object) -> None:
        """Raise Stopped if the program has ended: with its code, or 128 and its signal."""
        code = self._running.poll() if self._running is not None else None
        if code is not None:
            raise Stopped(code if code >= 0 else 128 - code)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        # A terminal has sent Ctrl-C to the program, too.
        if number == signal.SIGINT and sys.stdin is not None and os.isatty(0):
            return
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(number)


def _command(argv: Sequence[str]) -> Sequence[str] | str:
    """Return a command as the system starts it; raises OSError and ValueError if it cannot.

    NOTE: Windows would take a program of the current folder for a bare name.
    """
    if os.name != "nt":
        return argv
    from kubeauth.adapters.windows_programs import command_line

    name = argv[0]
    program = name if os.path.dirname(name) else find_program(name, os.environ)
    if not program:
        raise FileNotFoundError(errno.ENOENT, "it is not on PATH", name)
    return command_line([program, *argv[1:]])
