"""A kubeconfig's text as a tree that remembers where every piece stands.

Built from the parser's events rather than from ``yaml.compose``, since an edit must know an alias
from what it stands for, and a quoted scalar from a plain one. YAML is never resolved into Python
values: what a plain ``08`` or ``y`` means differs between YAML 1.1, YAML 1.2 and Go, so scalars
stay text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from kubeauth.errors import KubeconfigError

__all__ = ["Node", "line_of", "parse"]

# libyaml reads a kubeconfig of 2,000 users several times faster than the pure Python parser.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BLOCK_SCALARS: Final = ("|", ">")
# Far more than a kubeconfig needs; Go gives up at 10,000, which takes libyaml seconds.
_DEEPEST: Final = 500
_BLANK: Final = " \t\r\n"


@dataclass(slots=True, eq=False)
class Node:
    """One node: ``kind`` is scalar, map, list or alias; ``start`` and ``end`` count characters.

    ``style`` is a scalar's quoting (empty for a plain one). ``end`` of a block collection is the
    end of its last leaf, so the comments that follow it are not part of it.
    """

    kind: str
    start: int
    end: int = 0
    text: str = ""
    style: str = ""
    flow: bool = False
    anchor: str | None = None
    tag: str | None = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    target: Node | None = None

    @property
    def is_null(self) -> bool:
        """Whether this is an absent value or one of YAML's spellings of null."""
        return self.kind == "scalar" and not self.style and not self.tag and self.text in _NULLS

    @property
    def string(self) -> str:
        """The text of a scalar as it was meant; null is empty, as Go reads it into a string."""
        return "" if self.is_null else self.text

    def value(self) -> Node:
        """Give the node itself, or what an alias stands for."""
        return self if self.target is None else self.target

    def children(self) -> Iterator[Node]:
        """Give the nodes directly inside."""
        yield from self.items
        for pair in self.pairs:
            yield from pair

    def walk(self) -> Iterator[Node]:
        """Give this node and all inside it, aliases not followed."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children())


def line_of(text: str, index: int) -> int:
    """Give the line (from 1) that a character stands in."""
    return text.count("\n", 0, index) + 1


def parse(text: str, name: str) -> Node | None:
    """Give the root of the first document in ``text``, None if it is empty.

    kubectl reads no further than the first document either. Raises KubeconfigError that names the
    file ``name`` and the line, and quotes nothing of the content.
    """
    builder = _Builder(text, name)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentEndEvent):
                break
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}:" if mark else ""
        raise _unreadable(name, f"{where} {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        at = f" line {line_of(text, error.position)}:" if isinstance(error.position, int) else ""
        raise _unreadable(name, f"{at} a character that YAML does not allow") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unreadable(name, f" {type(error).__name__}") from None
    return builder.root


def _unreadable(name: str, problem: str) -> KubeconfigError:
    return KubeconfigError(
        f"{name}: this is not YAML that can be read:{problem}",
        hint="correct that line; `kubectl config view` tells what kubectl makes of the file",
    )


class _Builder:
    """Puts the nodes of one document together, without recursion."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.root: Node | None = None
        self._open: list[Node] = []
        self._keys: list[Node | None] = []
        self._anchors: dict[str, Node] = {}

    def add(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._place(self._scalar(event))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
            node = self._node(kind, event)
            node.flow = bool(event.flow_style)
            self._place(node)
            if len(self._open) >= _DEEPEST:
                raise _unreadable(self.name, f" line {line_of(self.text, node.start)}: too deep")
            self._open.append(node)
            self._keys.append(None)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._alias(event))

    def _node(self, kind: str, event: Any) -> Node:
        tag = event.tag if event.tag != "!" else None
        node = Node(
            kind, event.start_mark.index, event.end_mark.index, anchor=event.anchor, tag=tag
        )
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Node:
        node = self._node("scalar", event)
        node.text, node.style = event.value, event.style or ""
        if node.style in _BLOCK_SCALARS:
            while node.end > node.start and self.text[node.end - 1] in _BLANK:
                node.end -= 1
        return node

    def _alias(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        target = self._anchors.get(event.anchor)
        if target is None:
            problem = f" line {line_of(self.text, start)}: an alias of an anchor that is not there"
            raise _unreadable(self.name, problem)
        return Node("alias", start, end, text=event.anchor, target=target)

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.kind == "list":
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        else:
            parent.pairs.append((key, node))
            self._keys[-1] = None

    def _close(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        if node.flow:
            node.end = event.end_mark.index
        elif node.pairs:
            node.end = max(node.pairs[-1][0].end + 1, node.pairs[-1][1].end)
        elif node.items:
            node.end = max(node.items[-1].end, node.start + 1)
