"""Find out whether a person can read a text, and choose where to write it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable

from kubeauth_plugin.windows.console import is_console

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TextIO

__all__ = ["is_terminal", "progress_line", "prompt_for"]

_TERMINAL: Final = "CONOUT$" if os.name == "nt" else "/dev/tty"


def prompt_for(interactive: bool | None) -> Callable[[str], None] | None:
    """Return a function that shows a text to the person, or None if a person would not see it.

    ``interactive`` comes from the caller's exec info (None: not set). For kubectl it means that
    stdin is a terminal, which does not say where to write a text:

    - to stderr if that is a terminal, else to the terminal that controls the process;
    - not at all if stderr is the null device, as in shell completion: the tab key must not start a
      sign-in that the person does not see;
    - to stderr, even without a terminal, if ``interactive`` is true;
    - to stderr in Git Bash, whose window is a pipe, and whose console is hidden.
    """
    if interactive is False or _stderr_is_discarded():
        return None
    if is_terminal(sys.stderr) or os.environ.get("MSYSTEM"):
        return _to_stderr
    if _has_terminal():
        return _to_terminal
    return _to_stderr if interactive else None


def progress_line() -> Callable[[str], None] | None:
    """Return a function that shows a line in place of its last one; None if stderr has no terminal.

    The function clears the line when it is called with "".
    """
    if not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        return None
    last = ""

    def show(text: str) -> None:
        nonlocal last
        if text == last:
            return
        # Blanks, since not every console on Windows knows the sequence that clears a line.
        blanks = " " * max(0, len(last) - len(text))
        end = "" if text else "\r"
        print(f"\r{text}{blanks}", end=end, file=sys.stderr, flush=True)  # noqa: T201
        last = text

    return show


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal, on Windows a console."""
    if stream is None or not stream.isatty():
        return False
    return os.name != "nt" or is_console(stream.fileno(), "r" if stream.readable() else "w")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _to_terminal(text: str) -> None:
    with open(_TERMINAL, "w", encoding="utf-8") as terminal:
        terminal.write(text + "\n")


def _has_terminal() -> bool:
    try:
        with open(_TERMINAL, "w", encoding="utf-8"):
            return True
    except OSError:
        return False


def _stderr_is_discarded() -> bool:
    try:
        if os.name == "nt":
            # There all consoles, pipes and devices have the same numbers, which samestat compares.
            return stat.S_ISCHR(os.fstat(2).st_mode) and not is_console(2, "w")
        return os.path.samestat(os.fstat(2), os.stat(os.devnull))
    except OSError:
        return sys.stderr is None
