"""A kubeconfig's text with its secrets masked, safe to print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kubeauth.kubeconfig.node import Node
from kubeauth.kubeconfig.parse import parse
from kubeauth_plugin.kubeconfig.edit import Edit, apply

__all__ = ["masked"]

_MASK: Final = '"***"'
_FIELDS: Final = frozenset(
    {"token", "password", "client-key-data", "access-token", "refresh-token", "id-token"}
)


def masked(text: str, flags: Sequence[str]) -> str:
    """Return the text with stars for every secret; raises KubeconfigError if it cannot be read.

    ``flags`` are the arguments (``--password``) whose values are secret, too.
    """
    root = parse(text, "kubeconfig")
    secrets = _secrets(root, flags) if root is not None else ()
    return apply(text, [Edit(node.start, node.end, _MASK) for node in secrets])


def _secrets(root: Node, flags: Sequence[str]) -> Iterator[Node]:
    """Yield the scalars that are secret: by their field, or by the flag before them."""
    with_value = tuple(f"{flag}=" for flag in flags)
    for node in root.walk():
        for key, value in node.pairs:
            if key.text in _FIELDS and value.kind == "scalar" and not value.is_null:
                yield value
        after_flag = False
        for item in node.items:
            if item.kind == "scalar" and (after_flag or item.text.startswith(with_value)):
                yield item
            after_flag = item.text in flags and not after_flag
