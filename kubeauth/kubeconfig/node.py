"""The parts of a kubeconfig's text: a tree in which every part knows where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Node", "line_of"]

_NULL: Final = "tag:yaml.org,2002:null"
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True, eq=False)
class Node:
    """One node: ``kind`` is scalar, map, list or alias; ``start`` and ``end`` count characters.

    ``style`` is a scalar's quoting (empty for a plain one). ``end`` of a block collection is the
    end of its last leaf, so the comments that follow it are not part of it.
    """

    kind: str
    start: int
    end: int = 0
    text: str = field(default="", repr=False)
    style: str = ""
    flow: bool = False
    anchor: str | None = None
    tag: str | None = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list, repr=False)
    items: list[Node] = field(default_factory=list, repr=False)
    target: Node | None = field(default=None, repr=False)

    @property
    def is_null(self) -> bool:
        """Whether this is an absent value or one of YAML's spellings of null."""
        if self.kind != "scalar":
            return False
        return self.tag == _NULL if self.tag else not self.style and self.text in _NULLS

    @property
    def is_merge_key(self) -> bool:
        """Whether this is the key ``<<``, which merges another mapping into its own."""
        return self.kind == "scalar" and not self.style and self.text == "<<"

    @property
    def string(self) -> str:
        """The text of a scalar; that of null is empty, as Go reads null into a string."""
        return "" if self.is_null else self.text

    def value(self) -> Node:
        """Return the node itself, or the node that an alias stands for."""
        return self if self.target is None else self.target

    def children(self) -> Iterator[Node]:
        """Yield the nodes directly inside."""
        yield from self.items
        for pair in self.pairs:
            yield from pair

    def walk(self) -> Iterator[Node]:
        """Yield this node and all inside it; aliases are not followed."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children())


def line_of(text: str, index: int) -> int:
    """Return the line (from 1) of a character."""
    return text.count("\n", 0, index) + 1
