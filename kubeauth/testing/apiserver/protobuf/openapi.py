"""An OpenAPI 2 document in protobuf, which kubectl up to 1.28 reads before it sends an object.

Sources: "Protocol Buffers Encoding"; github.com/google/gnostic, OpenAPIv2.proto (field numbers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ASKED_FOR", "MEDIA", "document"]

ASKED_FOR = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What kubectl accepts. The answer's name is another one, since "@" is wrong in it."""

MEDIA = ASKED_FOR.replace("@", ".")
_TEXT_OR_MESSAGE = 2


def document(patches: Iterable[tuple[str, dict[str, str]]]) -> bytes:
    """Return a document in which each of these addresses takes a patch of a kind.

    All that it says of the operation is that the server checks fields itself (`fieldValidation`).
    """
    info = _field(1, "Kubernetes") + _field(2, "v1")
    paths = b"".join(
        _field(2, _field(1, path) + _field(2, _field(8, _operation(kind))))
        for path, kind in patches
    )
    return _field(1, "2.0") + _field(2, info) + _field(8, paths)


def _operation(kind: dict[str, str]) -> bytes:
    query = _field(2, "query") + _field(4, "fieldValidation")
    parameter = _field(1, _field(2, _field(3, query)))
    said = "".join(f'{name}: "{value}"\n' for name, value in kind.items())
    extension = _field(1, "x-kubernetes-group-version-kind") + _field(2, _field(2, said))
    return _field(8, parameter) + _field(13, extension)


def _field(number: int, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _TEXT_OR_MESSAGE) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
