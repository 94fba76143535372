"""What a conversion did to one user: its old text, and digests that recognise the new one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.node import Node
from kubeauth.kubeconfig.parse import parse
from kubeauth_plugin.kubeconfig.edit import Edit
from kubeauth_plugin.kubeconfig.render import block, flow

__all__ = ["UserChange", "change_of", "span_of"]

# Comments on lines of their own, and the indentation of what follows them.
_COMMENTS: Final = re.compile(r"(#[^\r\n]*(\r\n|\n|\r)[ \t]*)+")
_LINE_END: Final = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True)
class UserChange:
    """One user's text before a conversion, and digests of its text and its meaning after it.

    ``column`` is the place of the first field in its line. ``lead`` is the number of characters
    before the first field after the conversion, which are comments that were kept.
    """

    name: str
    before: str = field(repr=False)
    after: str
    meaning: str
    column: int
    lead: int

    def undone(self, text: str, node: Node) -> Edit | None:
        """Return the edit that puts the user back, None if somebody has edited it since.

        Byte for byte, unless another program has written the same content in another form, as
        kubectl does with the whole file: then in that form.
        """
        start, end = span_of(text, node)
        first = start - self.lead
        if first >= 0 and _digest(text[first:end]) == self.after:
            return Edit(first, end, self.before)
        old = _parsed(self.before, self.column)
        if old is None or _digest(_meaning(node)) != self.meaning:
            return None
        fields = _value(old)
        if node.flow:
            return Edit(start, end, flow(fields))
        line_end = "\r\n" if "\r\n" in text else "\n"
        lines = (line_end + " " * _column(text, node)).join(block(fields))
        return Edit(start, node.end, lines)

    def is_undone(self, text: str, node: Node) -> bool:
        """Return whether the user is as before the conversion, in this form or in another."""
        start, end = span_of(text, node)
        old = _parsed(self.before, self.column)
        same = old is not None and _meaning(old) == _meaning(node)
        return text[start:end] == self.before or same


def change_of(name: str, text: str, node: Node, before: str, after: str) -> UserChange:
    """Return what is needed to put ``before`` back where ``after`` stands now.

    ``node`` is the user in ``text``, which is the file before the conversion.
    """
    column = 0 if node.flow else _column(text, node)
    comments = _COMMENTS.match(after)
    new = _parsed(after, column)
    return UserChange(
        name,
        before,
        _digest(after),
        _digest(_meaning(new)) if new else "",
        column,
        comments.end() if comments else 0,
    )


def span_of(text: str, node: Node) -> tuple[int, int]:
    """Return where a user's text starts and ends: the node, and the comment that follows it."""
    if node.flow or node.kind != "map":
        return node.start, node.end
    found = _LINE_END.search(text, node.end)
    return node.start, found.start() if found else len(text)


def _column(text: str, node: Node) -> int:
    """Return how far a node stands from the start of its line."""
    after = text.rfind("\n", 0, node.start) + 1
    return node.start - max(after, text.rfind("\r", after, node.start) + 1)


def _parsed(text: str, column: int) -> Node | None:
    """Return a user's text as a tree, None if it does not stand on its own (an alias)."""
    try:
        return parse(" " * column + text, "user")
    except KubeconfigError:
        return None


def _value(node: Node) -> Any:
    """Return a tree as values; fields that are null are left out, as kubectl reads them."""
    node = node.value()
    if node.kind == "map":
        return {k.text: _value(v) for k, v in node.pairs if not v.value().is_null}
    if node.kind == "list":
        return [_value(item) for item in node.items]
    if not node.style and node.text in ("true", "false"):
        return node.text == "true"
    return node.string


def _meaning(node: Node) -> str:
    return json.dumps(_value(node), sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
