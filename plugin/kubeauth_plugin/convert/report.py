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
from kubeauth_plugin.convert.undo.run import Undo
from kubeauth_plugin.kubeconfig.mask import masked
from kubeauth_plugin.output import columns, counted, fits

__all__ = ["DRY_RUN", "as_diff", "as_json", "as_json_lines", "as_lines", "as_table"]

_HEAD: Final = ("FILE", "CONTEXT", "USER", "FROM", "TO")
_STATUSES: Final = ("converted", "unchanged", "skipped", "failed", "held back")
DRY_RUN: Final = "dry run: nothing is written"
_COLOURS: Final = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN: Final = "\x1b[0m"
_HARMLESS: Final = frozenset(
    spelled
    for flag in FLAGS
    if not flag.secret
    for spelled in (f"--{flag.name}", *(f"--{alias}" for alias in flag.aliases), f"-{flag.short}")
)


def as_table(rows: Sequence[Row], *, dry_run: bool) -> str:
    """Return one line per user, in columns, and a last line that counts the outcomes.

    Where a terminal has no room for that, name the one file above the table.
    """
    lines: list[Sequence[str]] = [_HEAD]
    for row in rows:
        contexts = ",".join(row.contexts) or "-"
        after = row.after
        if row.reason:
            after = f"{row.status}: {row.reason}"
        elif row.status == "unchanged":
            after += " (as it was)"
        lines.append((_short(row.file), contexts, row.user, row.before or "-", after))
    files = {line[0] for line in lines[1:]}
    above = ""
    if len(files) == 1 and not fits(lines):
        above = columns([(files.pop(),)]) + "\n"
        lines = [line[1:] for line in lines]
    return f"{above}{columns(lines)}\n{_count(rows, dry_run)}"


def _count(rows: Sequence[Row], dry_run: bool) -> str:
    """Return how many users had which outcome."""
    words = {status: status for status in _STATUSES}
    if dry_run:
        words["converted"] = "would be converted"
    found = [(sum(row.status == status for row in rows), words[status]) for status in _STATUSES]
    return ", ".join(f"{number} {word}" for number, word in found if number) or "0 converted"


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


def as_lines(outcome: Sequence[Undo], *, dry_run: bool) -> str:
    """Return lines for each file that --undo looked at and its users, and one that counts them."""
    done = "would be put back" if dry_run else "put back"
    lines, users, left = [], 0, 0
    for one in outcome:
        if one.reason:
            lines.append(f"{_short(one.path)}: not touched: {one.reason}")
            continue
        back = [user.name for user in one.users if not user.reason]
        whom = f": {', '.join(back)}" if one.users else " as a whole, from its backup"
        lines.append(f"{_short(one.path)}: {done}{whom}")
        users += len(back)
        for user in one.users:
            if user.reason:
                lines.append(f"{_short(one.path)}: {user.name} not touched: {user.reason}")
                left += 1
    files = sum(not one.reason for one in outcome)
    counts = [
        f"{counted(files, 'file')} {done}" + (f" ({counted(users, 'user')})" if users else ""),
        *([f"{counted(left, 'user')} not touched"] if left else []),
        *([f"{counted(len(outcome) - files, 'file')} not touched"] if files < len(outcome) else []),
    ]
    return "\n".join([*lines, ", ".join(counts)])


def as_json_lines(outcome: Sequence[Undo]) -> str:
    """Return a JSON list with one object per file that --undo looked at."""
    rows = [
        {
            "file": str(one.path),
            "status": _status(one.reason),
            "reason": one.reason,
            "users": [
                {"user": user.name, "status": _status(user.reason), "reason": user.reason}
                for user in one.users
            ],
        }
        for one in outcome
    ]
    return json.dumps(rows, indent=2)


def _status(reason: str) -> str:
    return "not touched" if reason else "put back"


def as_diff(texts: Iterable[tuple[Kubeconfig, str]], colour: bool, after: str = "converted") -> str:
    """Return a unified diff of all changed files; ``after`` has the new texts.

    NOTE: what may be secret is shown as stars, since a pipeline may log the diff, and the removed
    lines may hold a client secret or a refresh token.
    """
    return "".join(
        _file_diff(file.path, masked(file.text, _HARMLESS), masked(text, _HARMLESS), colour, after)
        for file, text in texts
    )


def _file_diff(path: Path, before: str, after: str, colour: bool, label: str) -> str:
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"{path} (now)", f"{path} ({label})"
    )
    return "".join(_coloured(line) if colour else line for line in lines)


def _lines(text: str) -> Sequence[str]:
    # Not splitlines(): that parts lines at characters which are no line ends in a diff.
    return [line + "\n" for line in text.removesuffix("\n").split("\n")]


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    return f"{colour}{line.rstrip()}{_PLAIN}\n" if colour else line
