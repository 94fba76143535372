"""Kubeconfig files as kubectl sees them: which there are, and which one owns which entry."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubeauth import _env
from kubeauth.errors import KubeconfigError
from kubeauth_plugin.kubeconfig.tree import Node, line_of, parse

__all__ = ["Context", "Kubeconfig", "User", "fields_of", "find_files", "load", "malformed", "read"]

_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One file: its text without a byte order mark, and the tree of it (None if empty)."""

    path: Path
    data: bytes
    text: str
    root: Node | None

    def line(self, node: Node) -> int:
        """Give the line (from 1) at which a node starts."""
        return line_of(self.text, node.start)

    def encoded(self, text: str) -> bytes:
        """Give a new text of this file as bytes, with the mark it had."""
        return text.encode("utf-8-sig" if self.data.startswith(_BOM.encode()) else "utf-8")


@dataclass(frozen=True, slots=True)
class Context:
    """A context: names only; ``user`` is empty where it names none."""

    name: str
    cluster: str
    user: str
    file: Kubeconfig


@dataclass(frozen=True, slots=True)
class User:
    """A user entry, in the file that owns it; ``node`` is what stands under ``user:``."""

    name: str
    node: Node
    file: Kubeconfig
    contexts: tuple[Context, ...] = ()


def find_files(explicit: str | None, environ: Mapping[str, str]) -> list[Path]:
    """Give the kubeconfig files in kubectl's order of precedence, missing ones included.

    ``explicit`` (--kubeconfig) stands alone. Empty and repeated parts of KUBECONFIG are skipped,
    and the null device, by which people say that there is none.
    """
    if explicit:
        return [Path(explicit)]
    listed = [part for part in environ.get(_env.KUBECONFIG, "").split(os.pathsep) if part]
    if not listed:
        listed = [str(Path("~/.kube/config").expanduser())]
    return [Path(part) for part in dict.fromkeys(listed) if part != os.devnull]


def load(path: Path) -> Kubeconfig | None:
    """Read one file; None if it does not exist. Raises KubeconfigError if it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise KubeconfigError(
                f"{path}: this is not a file that can be rewritten",
                hint="name a kubeconfig file, not a folder, a pipe or a device",
            )
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KubeconfigError(
            f"{path}: cannot be read ({error.strerror or type(error).__name__})",
            hint="check the file's owner and permissions",
        ) from error
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise KubeconfigError(
            f"{path}: line {line} is not UTF-8 text",
            hint="a kubeconfig is a text file; is this one?",
        ) from None
    return Kubeconfig(path, data, text, parse(text, str(path)))


def read(files: Iterable[Kubeconfig]) -> tuple[list[User], list[Context]]:
    """Give all users and contexts; of a name that several files have, the first file's counts.

    Raises KubeconfigError for entries that kubectl could not read either.
    """
    contexts: dict[str, Context] = {}
    users: dict[str, User] = {}
    for file in files:
        for name, node in _entries(file, "contexts", "context"):
            fields = _look(node, file, f"the context {name!r}")
            texts = {key: _text(fields.get(key)) for key in ("cluster", "user")}
            contexts.setdefault(name, Context(name, texts["cluster"], texts["user"], file))
        for name, node in _entries(file, "users", "user"):
            users.setdefault(name, User(name, node, file))
    by_user: dict[str, list[Context]] = {}
    for context in contexts.values():
        by_user.setdefault(context.user, []).append(context)
    complete = [
        User(user.name, user.node, user.file, tuple(by_user.get(user.name, ())))
        for user in users.values()
    ]
    return complete, list(contexts.values())


def _text(node: Node | None) -> str:
    return node.value().string if node is not None and node.value().kind == "scalar" else ""


def fields_of(node: Node, file: Kubeconfig, what: str) -> dict[str, Node]:
    """Give the fields of a mapping that is to be edited (none for null), aliases not followed.

    Raises KubeconfigError for another kind of node, and for a field given twice or merged from
    another place: those have more than one meaning, depending on who reads them.
    """
    mapping = node.value()
    if mapping.is_null:
        return {}
    if mapping.kind != "map":
        raise malformed(file, mapping, f"{what} is not a mapping")
    fields: dict[str, Node] = {}
    for key, value in mapping.pairs:
        if key.kind != "scalar" or key.text in fields:
            raise malformed(file, key, f"{what} has a field twice or without a name")
        if key.text == "<<" and not key.style:
            raise malformed(file, key, f"{what} is merged from another place (<<)")
        fields[key.text] = value
    return fields


def _look(node: Node, file: Kubeconfig, what: str) -> dict[str, Node]:
    """Give the fields of a mapping that is only read, as Go reads them: merged, the last counts."""
    mapping = node.value()
    if mapping.is_null:
        return {}
    if mapping.kind != "map":
        raise malformed(file, mapping, f"{what} is not a mapping")
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    for key, value in mapping.pairs:
        if key.text == "<<" and not key.style:
            source = value.value()
            for part in [source] if source.kind == "map" else source.items:
                merged.update((k.text, v) for k, v in part.value().pairs if k.text not in merged)
        else:
            own[key.value().text] = value
    return merged | own


def _entries(file: Kubeconfig, section: str, inner: str) -> Iterator[tuple[str, Node]]:
    """Give name and content of each entry of a top-level list."""
    if file.root is None:
        return
    top = fields_of(file.root, file, "the file")
    if section not in top or top[section].value().is_null:
        return
    entries = top[section].value()
    if entries.kind != "list":
        raise malformed(file, entries, f"{section} is not a list")
    seen: set[str] = set()
    for entry in entries.items:
        fields = _look(entry, file, f"an entry of {section}")
        name = _text(fields.get("name"))
        if name in seen:
            raise malformed(file, entry, f"{section} has two entries called {name!r}")
        seen.add(name)
        yield name, fields.get(inner, Node("scalar", entry.start, entry.start))


def malformed(file: Kubeconfig, node: Node, problem: str) -> KubeconfigError:
    """Give the error for a node that is not what it should be."""
    return KubeconfigError(
        f"{file.path}: line {file.line(node)}: {problem}",
        hint="correct that line; nothing was changed",
    )
