"""A kubeconfig's text without its secrets, fit to be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kubeauth.options.settings import FLAGS
from kubeauth_plugin.kubeconfig.edit import Edit, apply
from kubeauth_plugin.kubeconfig.tree import Node, parse

__all__ = ["masked"]

_MASK: Final = '"***"'
_FIELDS: Final = frozenset(
    {"token", "password", "client-key-data", "access-token", "refresh-token", "id-token"}
)
_FLAGS: Final = tuple(f"--{flag.name}" for flag in FLAGS if flag.secret)
_WITH_VALUE: Final = tuple(f"{flag}=" for flag in _FLAGS)


def masked(text: str) -> str:
    """Give the text with stars for every secret; raises KubeconfigError if it cannot be read."""
    root = parse(text, "kubeconfig")
    secrets = _secrets(root) if root is not None else ()
    return apply(text, [Edit(node.start, node.end, _MASK) for node in secrets])


def _secrets(root: Node) -> Iterator[Node]:
    """Give the scalars that are secret: by the field they stand in, or the flag before them."""
    for node in root.walk():
        for key, value in node.pairs:
            if key.text in _FIELDS and value.kind == "scalar" and not value.is_null:
                yield value
        after_flag = False
        for item in node.items:
            if item.kind == "scalar" and (after_flag or item.text.startswith(_WITH_VALUE)):
                yield item
            after_flag = item.text in _FLAGS and not after_flag
