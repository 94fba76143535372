"""Read what a person pastes into the terminal, without blocking the wait for the browser."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["Terminal", "open_terminal"]

_CTRL_C: Final = "\x03"
# Arrows and function keys come as two characters on Windows, the first of them one of these.
_SPECIAL_KEY: Final = frozenset("\x00\xe0")


class Terminal(ABC):
    """A terminal in which a person can paste a line.

    NOTE: do not echo the line: an authorization code must not stay in the scrollback.
    """

    def __init__(self) -> None:
        self._pending = ""

    def lines(self) -> Sequence[str]:
        """Return the complete lines since the last call, without waiting."""
        self._pending += self._typed()
        *complete, self._pending = self._pending.replace("\r", "\n").split("\n")
        return [line.strip() for line in complete if line.strip()]

    @abstractmethod
    def _typed(self) -> str:
        """Return the characters typed since the last call, without waiting."""

    @abstractmethod
    def close(self) -> None:
        """Restore the terminal's settings."""


def open_terminal() -> Terminal | None:
    """Open the terminal of this process; return None if there is none to read from.

    A background process must not read its terminal: the system would stop the process (POSIX,
    "Terminal Access Control").
    """
    if sys.platform == "win32":
        return _open_console()
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


class _PosixTerminal(Terminal):
    """A terminal without its line editor, which would cut off a long address (at 1024 bytes)."""

    def __init__(self, descriptor: int) -> None:
        import termios

        super().__init__()
        self._descriptor = descriptor
        self._before: list[Any] = termios.tcgetattr(descriptor)
        changed = termios.tcgetattr(descriptor)
        changed[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(descriptor, termios.TCSANOW, changed)

    def _typed(self) -> str:
        content = b""
        while select.select([self._descriptor], [], [], 0)[0]:
            more = os.read(self._descriptor, 4096)
            if not more:
                break
            content += more
        # An address is ASCII, so it does not matter if a read splits any other character.
        return content.decode("utf-8", "replace")

    def close(self) -> None:
        """Restore the terminal's settings."""
        import termios

        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
        os.close(self._descriptor)


class _WindowsConsole(Terminal):
    """The console, read key by key.

    ``is_waiting`` returns whether there is an unread key, ``next_key`` reads it without echo
    (``msvcrt.kbhit`` and ``msvcrt.getwch``).
    """

    def __init__(self, is_waiting: Callable[[], bool], next_key: Callable[[], str]) -> None:
        super().__init__()
        self._is_waiting, self._next_key = is_waiting, next_key

    def _typed(self) -> str:
        keys = []
        while self._is_waiting():
            key = self._next_key()
            if key == _CTRL_C:  # the console sends no signal while a program reads single keys
                raise KeyboardInterrupt
            if key in _SPECIAL_KEY:
                self._next_key()
            else:
                keys.append(key)
        return "".join(keys)

    def close(self) -> None:
        """Do nothing: reading keys does not change the console's mode."""


def _open_console() -> Terminal | None:
    try:
        os.close(os.open("CONIN$", os.O_RDWR))
    except OSError:
        return None
    import msvcrt

    console: Any = msvcrt  # these functions exist on Windows only
    return _WindowsConsole(console.kbhit, console.getwch)
