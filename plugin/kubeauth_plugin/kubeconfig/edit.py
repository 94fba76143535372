"""Edits to the text of a kubeconfig: just the spans that must change, in the style around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kubeauth.kubeconfig.files import Kubeconfig, malformed
from kubeauth.kubeconfig.node import Node
from kubeauth_plugin.kubeconfig.render import Value, block, block_items, flow, quoted

__all__ = ["Edit", "Editor", "apply"]

_COMMENT: Final = re.compile(r"(?:(?<=\s)|^)#[^\r\n]*", re.MULTILINE)
_LINE_END: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Edit:
    """Put ``text`` in the place of the characters from ``start`` up to ``end``."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made; those at one place follow in the order given."""
    parts: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


class Editor:
    """Collects the edits to one file."""

    def __init__(self, file: Kubeconfig) -> None:
        self.file, self.text = file, file.text
        self.edits: list[Edit] = []
        found = _LINE_END.search(file.text)
        self.line_end = found.group() if found else "\n"
        nodes = file.root.walk() if file.root else iter(())
        self._shared = [node.target for node in nodes if node.target is not None]

    def set_fields(self, mapping: Node, fields: Mapping[str, Value]) -> None:
        """Return fields of a mapping new values, adding those it has not, at their sorted place."""
        places = {key.text: (key, value) for key, value in mapping.pairs}
        additions: dict[int, list[tuple[str, Value]]] = {}
        for name, value in sorted(fields.items()):
            if name in places:
                self.set_value(places[name][1], value)
            else:
                before = [i for i, (key, _) in enumerate(mapping.pairs) if key.text < name]
                additions.setdefault(before[-1] if before else -1, []).append((name, value))
        for index, fresh in additions.items():
            self._add(mapping, index, dict(fresh))

    def replace_field(self, mapping: Node, name: str, fields: Mapping[str, Value]) -> None:
        """Put new fields where another one stood; comments that stood inside it stay."""
        key, value = next(pair for pair in mapping.pairs if pair[0].text == name)
        end = max(value.end, key.end + 1)
        if mapping.flow:
            self._edit(key.start, end, self._flow_fields(mapping, fields))
            return
        lines = [*self._comments(key, value), *block(fields)]
        self._edit(key.start, end, self._joined(lines, self._indent(key)))

    def set_value(self, node: Node, value: Value) -> None:
        """Return one field another value."""
        if isinstance(value, Sequence) and not isinstance(value, str):
            if node.kind == "list" and not node.flow:
                lines = [*self._comments(node), *block_items(value)]
                self._edit(node.start, node.end, self._joined(lines, self._indent(node)))
                return
            text = self._flow_list(node, value)
        else:
            text = flow(value)
        touches = node.start > 0 and self.text[node.start - 1] in ":-"
        self._edit(node.start, node.end, f" {text}" if touches else text)

    def append(self, items: Node, item: Mapping[str, Value]) -> None:
        """Add one mapping to the end of a list that has items."""
        last = items.items[-1]
        if items.flow:
            self._edit(last.end, last.end, ", " + flow(item))
            return
        lines = ["", *block_items([item])]
        end = self._line_after(last)
        self._edit(end, end, self._joined(lines, self._indent(items)))

    def remove(self, parts: Sequence[tuple[Node, Node]], index: int, flow_style: bool) -> None:
        """Take out one of the parts of a mapping or list, each given by its first and last node."""
        first, last = parts[index]
        following = parts[index + 1][0] if index + 1 < len(parts) else None
        if flow_style and index > 0:
            self._edit(parts[index - 1][1].end, last.end, "")
        elif following is not None and index == 0:
            self._edit(first.start, following.start, "")
        elif flow_style:
            self._edit(first.start, last.end, "")
        else:
            start = self._line_start(first.start)
            if index == 0 or self.text[start : first.start].strip(" -"):
                raise malformed(self.file, first, "this is written in an unusual way")
            newline = 2 if self.text[max(start - 2, 0) : start] == "\r\n" else 1
            self._edit(start - newline, last.end, "")

    def _add(self, mapping: Node, index: int, fields: Mapping[str, Value]) -> None:
        """Add fields after the one at ``index`` (-1: before the first)."""
        if not mapping.pairs:
            self._edit(mapping.start + 1, mapping.start + 1, self._flow_fields(mapping, fields))
        elif mapping.flow:
            text = self._flow_fields(mapping, fields)
            comma = "," + (self._own_line(mapping) or " ")
            if index < 0:
                first = mapping.pairs[0][0]
                self._edit(first.start, first.start, text + comma)
            else:
                end = max(mapping.pairs[index][1].end, mapping.pairs[index][0].end)
                self._edit(end, end, comma + text)
        else:
            first = mapping.pairs[0][0]
            after = mapping.pairs[max(index, 0)]
            if index < 0 or after[1].style in ("|", ">"):
                # Blank lines after a block scalar may be part of it, so that is added to above.
                place = first if index < 0 else after[0]
                lines = [*block(fields), ""]
                self._edit(place.start, place.start, self._joined(lines, self._indent(first)))
            else:
                end = self._line_after(after[1], after[0])
                lines = ["", *block(fields)]
                self._edit(end, end, self._joined(lines, self._indent(first)))

    def _edit(self, start: int, end: int, text: str) -> None:
        for shared in self._shared:
            if (start < shared.end and end > shared.start) or shared.start < start < shared.end:
                raise malformed(
                    self.file,
                    shared,
                    "this is used in several places (a YAML anchor); write it out",
                )
        self.edits.append(Edit(start, end, text))

    def _joined(self, lines: Sequence[str], indent: str) -> str:
        return (self.line_end + indent).join(lines)

    def _line_after(self, *nodes: Node) -> int:
        """Return the end of the line in which the last of the nodes ends, comments included."""
        end = max(node.end for node in nodes)
        found = _LINE_END.search(self.text, end)
        return found.start() if found else len(self.text)

    def _line_start(self, index: int) -> int:
        after_newline = self.text.rfind("\n", 0, index) + 1
        return max(after_newline, self.text.rfind("\r", after_newline, index) + 1)

    def _indent(self, node: Node) -> str:
        """Return the indentation that a block node's further lines need."""
        start = self._line_start(node.start)
        before = self.text[start : node.start]
        if before.strip(" -"):
            raise malformed(self.file, node, "this is written in an unusual way")
        return " " * len(before)

    def _own_line(self, mapping: Node) -> str | None:
        """Return line end and indentation before a flow mapping's fields, None if in one line."""
        first = mapping.pairs[0][0]
        start = self._line_start(first.start)
        before = self.text[start : first.start]
        if before.strip() or start <= mapping.start:
            return None
        return self.line_end + before

    def _step(self, inner: str, outer: Node) -> str:
        start = self._line_start(outer.start)
        line = self.text[start : outer.start]
        leading = line[: len(line) - len(line.lstrip())]
        indent = inner.removeprefix(self.line_end)
        return indent[len(leading) :] if indent.startswith(leading) else "  "

    def _flow_fields(self, mapping: Node, fields: Mapping[str, Value]) -> str:
        own_line = self._own_line(mapping) if mapping.pairs else None
        step = self._step(own_line, mapping) if own_line else "  "
        parts = [f"{quoted(key)}: {flow(value, own_line, step)}" for key, value in fields.items()]
        return ("," + (own_line or " ")).join(parts)

    def _flow_list(self, node: Node, value: Sequence[Value]) -> str:
        if node.kind != "list" or not node.items:
            return flow(value)
        first = self._line_start(node.items[0].start)
        if first <= node.start:
            return flow(value)
        inner = self.line_end + self.text[first : node.items[0].start]
        closing = self._line_start(node.end - 1)
        outer = self.line_end + self.text[closing : node.end - 1]
        if inner.strip() or outer.strip():
            return flow(value)
        step = inner[len(outer) :] if inner.startswith(outer) else "  "
        return flow(value, outer, step)

    def _comments(self, *nodes: Node) -> list[str]:
        """Return the comments between the first node's start and the last one's end."""
        leaves = [
            leaf for node in nodes for leaf in node.walk() if not leaf.items and not leaf.pairs
        ]
        spans = sorted((leaf.start, leaf.end) for leaf in leaves)
        found: list[str] = []
        position = nodes[0].start
        for start, end in spans:
            found += _COMMENT.findall(self.text[position:start])
            position = max(position, end)
        return found
