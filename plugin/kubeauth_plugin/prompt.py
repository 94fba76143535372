"""Whether a person can be asked, and where a text for them goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["prompt_for"]

_TERMINAL: Final = "CONOUT$" if os.name == "nt" else "/dev/tty"


def prompt_for(interactive: bool | None) -> Callable[[str], None] | None:
    """Return the way to show a text to the person, or None where nobody would read it.

    ``interactive`` is what the caller said of it, None if nothing. It is kubectl's word that stdin
    is a terminal; where the text can go is another question:

    - to stderr if that is a terminal, else to the terminal the process belongs to;
    - nowhere if stderr is the null device, as in shell completion: a press of the tab key must not
      start a sign-in that nobody sees;
    - to stderr all the same if the caller insists that somebody is there.
    """
    if interactive is False or _stderr_is_discarded():
        return None
    if sys.stderr.isatty():
        return _to_stderr
    if _has_terminal():
        return _to_terminal
    return _to_stderr if interactive else None


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
        return os.path.samestat(os.fstat(2), os.stat(os.devnull))
    except OSError:
        return sys.stderr is None
