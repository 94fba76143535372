"""Tell consoles from other devices."""

from __future__ import annotations

import _io

__all__ = ["is_console"]


def is_console(descriptor: int, mode: str) -> bool:
    """Return whether a descriptor of Windows is a console; ``mode`` is "r" for stdin, else "w".

    ``isatty`` is true for the null device, too. Python's own class for consoles refuses all others.
    """
    try:
        vars(_io)["_WindowsConsoleIO"](descriptor, mode, closefd=False)
    except (OSError, ValueError):
        return False
    return True
