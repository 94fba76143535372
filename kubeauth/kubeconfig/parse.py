"""From a kubeconfig's text to a tree that remembers where every part stands.

The tree is built from the parser's events rather than by ``yaml.compose``, since an edit must tell
an alias from its target and a quoted scalar from a plain one. Scalars stay text: YAML 1.1, YAML 1.2
and Go disagree about the meaning of a plain ``08`` or ``y``.

This module imports YAML. The library imports this module only when it reads a kubeconfig.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.node import Node, line_of

__all__ = ["parse"]

# libyaml reads a kubeconfig of 2,000 users several times faster than the pure Python parser.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BLOCK_SCALARS: Final = ("|", ">")
# Far more than a kubeconfig needs; Go gives up at 10,000, which takes libyaml seconds.
_DEEPEST: Final = 500
_BLANK: Final = " \t\r\n"


def parse(text: str, name: str) -> Node | None:
    """Return the root of the first document in ``text``, None if it is empty.

    kubectl does not read further documents either. Raises KubeconfigError with the name of the file
    (``name``) and the line, but without any of the text, which may hold secrets.
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
        hint="correct that line; `kubectl config view` shows how kubectl reads the file",
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
            problem = f" line {line_of(self.text, start)}: an alias without its anchor"
            raise _unreadable(self.name, problem)
        if target in self._open:
            problem = f" line {line_of(self.text, start)}: an alias inside its own anchor"
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
