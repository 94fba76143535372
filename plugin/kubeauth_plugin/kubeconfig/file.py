"""Read a kubeconfig to edit it: only files that can be replaced, only fields that are clear."""

from __future__ import annotations

import stat
from pathlib import Path

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import Kubeconfig, load, malformed
from kubeauth.kubeconfig.node import Node

__all__ = ["fields_of", "load_to_edit"]


def load_to_edit(path: Path) -> Kubeconfig | None:
    """Read one file; None if it does not exist.

    Raises KubeconfigError if it cannot be read, and for a folder, a pipe or a device.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        regular = True  # `load` says why it cannot be read
    if not regular:
        raise KubeconfigError(
            f"{path}: this is not a file that can be rewritten",
            hint="name a kubeconfig file, not a folder, a pipe or a device",
        )
    return load(path)


def fields_of(node: Node, file: Kubeconfig, what: str) -> dict[str, Node]:
    """Return the fields of a mapping that is to be edited, none for null; aliases stay aliases.

    Raises KubeconfigError for another kind of node, and for a field that stands there twice or is
    merged from another place: an edit could change the meaning of other places.
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
        if key.is_merge_key:
            raise malformed(file, key, f"{what} is merged from another place (<<)")
        fields[key.text] = value
    return fields
