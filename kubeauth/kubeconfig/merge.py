"""The contexts, clusters and users of several kubeconfig files, merged as kubectl merges them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kubeauth.kubeconfig.files import Kubeconfig, malformed
from kubeauth.kubeconfig.node import Node

__all__ = ["Context", "Item", "Merged", "User", "items_of", "merge", "merged_fields", "text_of"]


@dataclass(frozen=True, slots=True)
class Item:
    """A named cluster or user: ``node`` is its content, in the file that the name comes from."""

    name: str
    node: Node = field(repr=False)
    file: Kubeconfig

    def fields(self, what: str) -> dict[str, Node]:
        """Return the fields of the content; ``what`` is the kind of item, for errors."""
        return merged_fields(self.node, self.file, f"the {what} {self.name!r}")


@dataclass(frozen=True, slots=True)
class Context:
    """A context; ``cluster``, ``user`` and ``namespace`` are names, empty if it names none."""

    name: str
    cluster: str
    user: str
    namespace: str
    file: Kubeconfig


@dataclass(frozen=True, slots=True)
class User(Item):
    """A user with the contexts that name it."""

    contexts: tuple[Context, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """All files together, each kind by name."""

    contexts: Mapping[str, Context]
    clusters: Mapping[str, Item]
    users: Mapping[str, User]
    current_context: str


def merge(files: Iterable[Kubeconfig]) -> Merged:
    """Merge files that are given in kubectl's order of precedence.

    The first file that has a name owns it whole: fields of several files never mix. The current
    context is that of the first file that has one. Raises KubeconfigError for a file that kubectl
    could not read either.
    """
    contexts: dict[str, Context] = {}
    clusters: dict[str, Item] = {}
    owned: dict[str, Item] = {}
    current = ""
    for file in files:
        top = merged_fields(file.root, file, "the file") if file.root is not None else {}
        for item in _items(top, file, "contexts", "context"):
            if item.name not in contexts:
                contexts[item.name] = _context(item)
        for item in _items(top, file, "clusters", "cluster"):
            clusters.setdefault(item.name, item)
        for item in _items(top, file, "users", "user"):
            owned.setdefault(item.name, item)
        current = current or text_of(top.get("current-context"), file, "current-context")
    by_user: dict[str, list[Context]] = {}
    for context in contexts.values():
        by_user.setdefault(context.user, []).append(context)
    users = {
        name: User(name, item.node, item.file, tuple(by_user.get(name, ())))
        for name, item in owned.items()
    }
    return Merged(contexts, clusters, users, current)


def _context(item: Item) -> Context:
    fields = item.fields("context")
    cluster, user, namespace = (
        text_of(fields.get(key), item.file, f"the {key} of the context {item.name!r}")
        for key in ("cluster", "user", "namespace")
    )
    return Context(item.name, cluster, user, namespace, item.file)


def _items(top: Mapping[str, Node], file: Kubeconfig, section: str, kind: str) -> Iterator[Item]:
    """Yield the items of one of the file's lists. kubectl takes no name twice in a list."""
    seen: set[str] = set()
    for entry in items_of(top.get(section), file, section):
        fields = merged_fields(entry, file, f"an entry of {section}")
        name = text_of(fields.get("name"), file, f"a name in {section}")
        if name in seen:
            raise malformed(file, entry, f"{section} has two entries called {name!r}")
        seen.add(name)
        yield Item(name, fields.get(kind, Node("scalar", entry.start, entry.start)), file)


def merged_fields(node: Node, file: Kubeconfig, what: str) -> dict[str, Node]:
    """Return the fields of a mapping, ``<<`` merged in; none for null.

    As in kubectl's reader of YAML (go-yaml v2), whatever comes last counts: ``<<`` wins over fields
    above it and gives way to fields below it. Of a list of sources the first wins. Raises
    KubeconfigError for a node that is not a mapping.
    """
    return _fields(node.value(), file, what, {})


def _fields(
    mapping: Node, file: Kubeconfig, what: str, known: dict[Node, dict[str, Node]]
) -> dict[str, Node]:
    """Merge one mapping; ``known`` bounds the work where sources merge each other many times."""
    if mapping.is_null:
        return {}
    if mapping.kind != "map":
        raise malformed(file, mapping, f"{what} is not a mapping")
    if mapping in known:
        return known[mapping]
    fields: dict[str, Node] = {}
    for key, value in mapping.pairs:
        if not key.is_merge_key:
            fields[key.value().text] = value
            continue
        source = value.value()
        for part in reversed(source.items) if source.kind == "list" else [source]:
            fields.update(_fields(part.value(), file, what, known))
    known[mapping] = fields
    return fields


def items_of(node: Node | None, file: Kubeconfig, what: str) -> list[Node]:
    """Return the items of a list, none for null. Raises KubeconfigError for another node."""
    if node is None or node.value().is_null:
        return []
    if node.value().kind != "list":
        raise malformed(file, node, f"{what} is not a list")
    return node.value().items


def text_of(node: Node | None, file: Kubeconfig, what: str) -> str:
    """Return the text of a scalar, empty for null or if there is none.

    kubectl refuses a plain ``08`` or ``y`` where it needs a string. They are taken as text here,
    since programs in Python write strings like that. Raises KubeconfigError for what is not a
    scalar.
    """
    if node is None:
        return ""
    scalar = node.value()
    if scalar.kind != "scalar" or (scalar.tag and not scalar.tag.endswith(":str")):
        raise malformed(file, node, f"{what} is not a string")
    return scalar.string
