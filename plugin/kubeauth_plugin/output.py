"""Write text for people to stdout: lines, and tables that fit the terminal."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from kubeauth_plugin.diagnostics import unwritable_stdout
from kubeauth_plugin.prompt import is_terminal

__all__ = ["columns", "counted", "fits", "harmless", "say"]

_GAP: Final = "   "
# Do not shorten a column below this many places.
_NARROWEST: Final = 8


def say(text: str) -> None:
    """Write ``text`` and a line end to stdout; ``diagnostics.guarded`` makes any text possible.

    Raises SettingsError if stdout takes no more.
    """
    try:
        print(text)  # noqa: T201
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable_stdout(error) from error


def columns(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells as text in columns.

    Where stdout is a terminal, make the widest column narrower until a line fits: shorten its
    cells, but continue the last column's below, since it says why. Cells cannot forge lines or move
    the cursor.
    """
    out = sys.stdout  # None if it is closed
    encoding = getattr(out, "encoding", None) or "utf-8"
    clean = [[_shown(cell, encoding) for cell in line] for line in lines]
    widths = [max(map(_places, column)) for column in zip(*clean, strict=True)]
    if is_terminal(out):
        room = shutil.get_terminal_size().columns - len(_GAP) * (len(widths) - 1)
        widths = _fitting(widths, room)
    mark = _shown("…", encoding)
    mark = mark if len(mark) == 1 else "..."
    return "\n".join(row for line in clean for row in _rows(line, widths, mark))


def _rows(line: Sequence[str], widths: Sequence[int], mark: str) -> Iterator[str]:
    """Yield a line of cells, and what the last cell has no room for below it."""
    *others, last = line
    first, *more = _wrapped(last, widths[-1])
    cells = [_cell(cell, width, mark) for cell, width in zip(others, widths, strict=False)]
    yield _GAP.join([*cells, first]).rstrip()
    indent = sum(widths[:-1]) + len(_GAP) * len(others)
    yield from (" " * indent + each for each in more)


def _wrapped(text: str, width: int) -> list[str]:
    """Return ``text`` in pieces of at most ``width`` places, parted at blanks if possible."""
    pieces = [""]
    for word in text.split(" "):
        joined = f"{pieces[-1]} {word}" if pieces[-1] else word
        if _places(joined) <= width:
            pieces[-1] = joined
            continue
        pieces += [""] if pieces[-1] else []
        for char in word:
            if pieces[-1] and _places(pieces[-1] + char) > width:
                pieces.append("")
            pieces[-1] += char
    return pieces


def counted(number: int, thing: str) -> str:
    """Return a number with the name of what it counts: "1 user", "2 users"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def harmless(text: str) -> str:
    """Return ``text`` without what could move the cursor or begin another line."""
    return "".join(char if char.isprintable() else " " for char in text)


def fits(lines: Iterable[Sequence[str]]) -> bool:
    """Return whether stdout has room for these lines in columns: everywhere but on a terminal."""
    out = sys.stdout
    if not is_terminal(out):
        return True
    widths = [max(map(_places, column)) for column in zip(*lines, strict=True)]
    return sum(widths) + len(_GAP) * (len(widths) - 1) <= shutil.get_terminal_size().columns


def _fitting(widths: Sequence[int], room: int) -> list[int]:
    """Return the widths with the widest ones reduced, so that their sum is at most ``room``."""
    fitting = list(widths)
    while sum(fitting) > room and max(fitting) > _NARROWEST:
        fitting[fitting.index(max(fitting))] -= 1
    return fitting


def _cell(text: str, width: int, mark: str) -> str:
    """Return ``text`` in exactly ``width`` places; ``mark`` replaces what there is no room for."""
    if _places(text) > width:
        while _places(text) > width - len(mark):
            text = text[:-1]
        text += mark
    return text + " " * (width - _places(text))


def _shown(text: str, encoding: str) -> str:
    """Return ``text`` as the terminal will show it."""
    # A surrogate is a byte of a file's name that is no text.
    printable = "".join(
        char if char.isprintable() or "\ud800" <= char <= "\udfff" else " " for char in text
    )
    return printable.encode(encoding, "backslashreplace").decode(encoding)


def _places(text: str) -> int:
    """Return how many places of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
