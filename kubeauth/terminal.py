"""Reading what a person pastes into the terminal while something else is waited for."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Terminal", "open_terminal"]


class Terminal(Protocol):
    """Where a person can paste a line."""

    def lines(self) -> Sequence[str]:
        """Give the lines that are complete by now, without waiting."""
        ...

    def close(self) -> None:
        """Give the terminal back as it was."""
        ...


def open_terminal() -> Terminal | None:
    """Open the terminal of this process, or give None where there is none to read from.

    A process in the background must not read it: the system would stop it (POSIX, "Terminal Access
    Control"). On Windows nothing is read.
    """
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        if os.tcgetpgrp(descriptor) == os.getpgrp():
            return _PosixTerminal(descriptor)
    except OSError:
        pass
    os.close(descriptor)
    return None


class _PosixTerminal:
    """A terminal without its line editor, which would cut a long address off (at 1024 bytes).

    NOTE: it does not echo either; an authorization code is none of the scrollback's business.
    """

    def __init__(self, descriptor: int) -> None:
        import termios

        self._descriptor = descriptor
        self._pending = b""
        self._before: list[Any] = termios.tcgetattr(descriptor)
        changed = termios.tcgetattr(descriptor)
        changed[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(descriptor, termios.TCSANOW, changed)

    def lines(self) -> Sequence[str]:
        """Give the lines that are complete by now, without waiting."""
        while select.select([self._descriptor], [], [], 0)[0]:
            content = os.read(self._descriptor, 4096)
            if not content:
                break
            self._pending += content
        *complete, self._pending = self._pending.replace(b"\r", b"\n").split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in complete if line.strip()]

    def close(self) -> None:
        """Give the terminal back as it was."""
        import termios

        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
        os.close(self._descriptor)
