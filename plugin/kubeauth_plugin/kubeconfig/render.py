"""New pieces of a kubeconfig as text that every YAML reader reads the same.

Every string is double-quoted: YAML 1.1, YAML 1.2 and Go disagree about what a plain ``y``, ``08``
or ``1234e56`` is, and kubectl rejects the whole file when an argument is not a string.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

__all__ = ["Value", "block", "flow", "quoted"]

Value: TypeAlias = "str | bool | Sequence[Value] | Mapping[str, Value]"

_STEP: Final = "  "
_LAST_OF_THE_PLANE: Final = 0xFFFF


def quoted(text: str) -> str:
    """Return a string as both JSON and YAML write it, with what either could alter escaped.

    Characters beyond the Basic Multilingual Plane stay as they are: JSON's escape for them (two
    surrogates) is not YAML, and YAML's is not JSON.
    """
    written = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return (
        written
        if written.isascii()
        else "".join(
            char
            if char.isascii() or char.isprintable() or ord(char) > _LAST_OF_THE_PLANE
            else f"\\u{ord(char):04x}"
            for char in written
        )
    )


def _scalar(value: str | bool) -> str:
    return quoted(value) if isinstance(value, str) else str(value).lower()


def block(fields: Mapping[str, Value]) -> list[str]:
    """Return a mapping in block style, as lines without indentation and line ends.

    Lists stand at the indentation of their key, as kubectl writes them.
    """
    lines: list[str] = []
    for key, value in fields.items():
        if isinstance(value, (str, bool)):
            lines.append(f"{key}: {_scalar(value)}")
        elif isinstance(value, Mapping):
            lines += [f"{key}:", *(_STEP + line for line in block(value))]
        else:
            lines += [f"{key}:", *block_items(value)]
    return lines


def block_items(items: Sequence[Value]) -> list[str]:
    """Return a list in block style, as lines without indentation."""
    lines: list[str] = []
    for item in items:
        if isinstance(item, Mapping):
            # Deeper levels stay in one line: programs read them, not people.
            inner = [f"{key}: {flow(value)}" for key, value in item.items()]
        else:
            inner = [flow(item)]
        lines += [f"- {inner[0]}", *(_STEP + line for line in inner[1:])]
    return lines


def flow(value: Value, line_start: str | None = None, step: str = _STEP) -> str:
    """Return a value in flow style, which is JSON.

    With ``line_start`` (a line end and the indentation of what holds the value) each part gets a
    line of its own, ``step`` further in.
    """
    if isinstance(value, (str, bool)):
        return _scalar(value)
    inside = None if line_start is None else line_start + step
    if isinstance(value, Mapping):
        parts = [f"{quoted(key)}: {flow(part, inside, step)}" for key, part in value.items()]
        opening, closing = "{", "}"
    else:
        parts = [flow(part, inside, step) for part in value]
        opening, closing = "[", "]"
    if inside is None or not parts:
        return opening + ", ".join(parts) + closing
    return opening + ",".join(inside + part for part in parts) + (line_start or "") + closing
