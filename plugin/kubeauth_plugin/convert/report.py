"""Reports of a conversion: a table for people, JSON for programs, a diff."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth.options.settings import FLAGS
from kubeauth_plugin.convert.plan import Row
from kubeauth_plugin.kubeconfig.mask import masked

__all__ = ["as_diff", "as_json", "as_table"]

_HEAD: Final = ("FILE", "CONTEXT", "USER", "FROM", "TO")
_GAP: Final = "   "
_COLOURS: Final = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN: Final = "\x1b[0m"
_SECRET: Final = tuple(f"--{flag.name}" for flag in FLAGS if flag.secret)


def as_table(rows: Iterable[Row]) -> str:
    """Return one line per user, in columns; names cannot forge lines or move the cursor."""
    lines = [_HEAD]
    for row in rows:
        contexts = ",".join(row.contexts) or "-"
        after = row.after
        if row.reason:
            after = f"{row.status}: {row.reason}"
        elif row.status == "unchanged":
            after += " (as it was)"
        lines.append((_short(row.file), contexts, row.user, row.before or "-", after))
    clean = [[_printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in clean
    )


def _short(path: Path) -> str:
    """Return a path as people write it: from the home folder on, where it is in there."""
    try:
        return str("~" / path.relative_to(os.path.expanduser("~")))
    except ValueError:
        return str(path)


def as_json(rows: Iterable[Row]) -> str:
    """Return a JSON list with one object per user."""
    return json.dumps(
        [
            {
                "file": str(row.file),
                "contexts": list(row.contexts),
                "user": row.user,
                "status": row.status,
                "from": row.before,
                "to": row.after,
                "reason": row.reason,
            }
            for row in rows
        ],
        indent=2,
    )


def as_diff(texts: Iterable[tuple[Kubeconfig, str]], colour: bool) -> str:
    """Return a unified diff of all changed files.

    NOTE: secrets are shown as stars, since a pipeline may log the diff, and the removed lines may
    hold a client secret or a refresh token.
    """
    return "".join(
        _file_diff(file.path, masked(file.text, _SECRET), masked(text, _SECRET), colour)
        for file, text in texts
    )


def _file_diff(path: Path, before: str, after: str, colour: bool) -> str:
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"{path} (now)", f"{path} (converted)"
    )
    return "".join(_coloured(line) if colour else line for line in lines)


def _lines(text: str) -> Sequence[str]:
    # Not splitlines(): that parts lines at characters which are no line ends in a diff.
    return [line + "\n" for line in text.removesuffix("\n").split("\n")]


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    return f"{colour}{line.rstrip()}{_PLAIN}\n" if colour else line


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
