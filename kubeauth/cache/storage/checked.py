"""Files whose bytes are checked when they are read: a changed one counts as absent.

The checksum finds damage by a disk, a full file system or an editor. It is no secret, so it does
not stop an attacker who can write into the cache.
"""

from __future__ import annotations

import json

from kubeauth.secret import fast_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["packed", "unpacked"]


def packed(value: Any) -> bytes:
    """Return a JSON value as bytes, its checksum in front."""
    text = json.dumps(value).encode()
    return _checksum(text) + b"\n" + text


def unpacked(content: bytes | None) -> Any:
    """Return the value that ``packed`` turned into these bytes; raises ValueError for others."""
    checksum, _, text = (content or b"").partition(b"\n")
    if checksum != _checksum(text):
        raise ValueError("the checksum is another file's")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _checksum(text: bytes) -> bytes:
    return fast_digest(text, 8).encode()
