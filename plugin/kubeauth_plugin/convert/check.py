"""The check that an edited kubeconfig holds what it should, and that nothing else changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kubeauth.kubeconfig.node import Node
from kubeauth_plugin.convert.previous_logins import find_extension
from kubeauth_plugin.kubeconfig.render import Value

__all__ = ["Expected", "is_as_expected"]

_ENTRIES: Final = ("exec", "auth-provider")


@dataclass(frozen=True, slots=True)
class Expected:
    """A user's entry as it must be after an edit: these exec fields, and the rest as it was.

    ``variables`` are the exec block's environment variables that were set, ``extension`` is what
    kubeauth's own extension must be: None for unchanged, empty if there must be none.
    ``token_file`` is the file that the user must read in place of an exec block.
    """

    fields: Mapping[str, Value]
    variables: Mapping[str, str] = field(default_factory=dict)
    extension: Mapping[str, Value] | None = None
    token_file: str = ""


def is_as_expected(old: Node | None, new: Node | None, users: Mapping[int, Expected]) -> bool:
    """Whether ``new`` is ``old`` but for the edited ``users`` (by the id of their old node)."""
    if old is None or new is None:
        return old is new
    waiting = [(old, new)]
    while waiting:
        before, after = waiting.pop()
        expected = users.get(id(before))
        if expected is not None:
            inside = _user(before, after, expected)
        elif _same_kind(before, after):
            inside = list(zip(before.children(), after.children(), strict=True))
        else:
            return False
        if inside is None:
            return False
        waiting += inside
    return True


def _same_kind(before: Node, after: Node) -> bool:
    """Whether two nodes are the same, but for what is inside them."""
    return (
        before.kind == after.kind
        and before.text == after.text
        and before.style == after.style
        and before.tag == after.tag
        and before.anchor == after.anchor
        and len(before.items) == len(after.items)
        and len(before.pairs) == len(after.pairs)
    )


def _others(node: Node, names: tuple[str, ...]) -> list[Node]:
    return [part for pair in node.pairs if pair[0].text not in names for part in pair]


def _user(before: Node, after: Node, expected: Expected) -> list[tuple[Node, Node]] | None:
    """Check an edited user; return the nodes that must be equal in pairs, None if it is wrong."""
    if expected.token_file:
        named = _field(after, "tokenFile")
        gone = not (_field(after, "exec") or _field(after, "auth-provider"))
        is_right = named is not None and gone and _is(named, expected.token_file)
        rest = _paired(_others(before, _ENTRIES), _others(after, ("tokenFile",)))
        return rest if is_right else None
    old_exec, new_exec = _field(before, "exec"), _field(after, "exec")
    if new_exec is None or new_exec.kind != "map" or _field(after, "auth-provider"):
        return None
    extensions = [] if expected.extension is None else ["extensions"]
    old_names, new_names = ("exec", "auth-provider", *extensions), ("exec", *extensions)
    kept = _paired(_others(before, old_names), _others(after, new_names))
    if expected.extension is not None:
        rest_of = _extensions(before, after, expected.extension)
        kept = None if kept is None or rest_of is None else kept + rest_of
    names = [key.text for key, _ in new_exec.pairs]
    if kept is None or len(names) != len(set(names)):
        return None
    for name, value in expected.fields.items():
        found = _field(new_exec, name)
        if found is None or not _is(found, value):
            return None
    known = (*expected.fields, *(["env"] if expected.variables else []))
    rest = _paired(_others(old_exec, known) if old_exec else [], _others(new_exec, known))
    variables = _variables(old_exec, new_exec, expected.variables) if expected.variables else []
    return None if rest is None or variables is None else kept + rest + variables


def _extensions(
    before: Node, after: Node, extension: Mapping[str, Value]
) -> list[tuple[Node, Node]] | None:
    """Check that kubeauth's extension has its new value and all others are unchanged."""
    old, new = _field(before, "extensions"), _field(after, "extensions")
    found = find_extension(new)
    if (found is None) == bool(extension) or (found and not _is(found[1], extension)):
        return None
    ours = (find_extension(old), found)
    old_items, new_items = (
        [item for item in (node.value().items if node else ()) if not own or item is not own[0]]
        for node, own in zip((old, new), ours, strict=True)
    )
    return _paired(old_items, new_items)


def _variables(
    old_exec: Node | None, new_exec: Node, variables: Mapping[str, str]
) -> list[tuple[Node, Node]] | None:
    """Check the environment: the variables that were set once each, the others as they were."""
    old_env = _field(old_exec, "env") if old_exec else None
    new_env = _field(new_exec, "env")
    if new_env is None:
        return None
    found: dict[str, str] = {}
    others: list[Node] = []
    for item in new_env.items:
        name, value = _field(item, "name"), _field(item, "value")
        if name is None or name.text not in variables or value is None:
            others.append(item)
        elif name.text in found:
            return None
        else:
            found[name.text] = value.text
    old_items = old_env.value().items if old_env else []
    old_others = [
        item
        for item in old_items
        if (name := _field(item, "name")) is None or name.text not in variables
    ]
    return _paired(old_others, others) if found == variables else None


def _paired(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[Node, Node]] | None:
    return list(zip(before, after, strict=True)) if len(before) == len(after) else None


def _field(node: Node, name: str) -> Node | None:
    return next((value for key, value in node.pairs if key.text == name), None)


def _is(node: Node, value: Value) -> bool:
    """Whether a node is a value that was written."""
    if isinstance(value, str):
        return node.kind == "scalar" and node.style == '"' and node.text == value
    if isinstance(value, bool):
        return node.kind == "scalar" and not node.style and node.text == str(value).lower()
    if isinstance(value, Mapping):
        return (
            node.kind == "map"
            and [key.text for key, _ in node.pairs] == list(value)
            and all(_is(inner, value[key.text]) for key, inner in node.pairs)
        )
    items = node.items
    return node.kind == "list" and len(items) == len(value) and all(map(_is, items, value))
