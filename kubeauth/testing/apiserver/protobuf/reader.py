"""Read the protobuf bodies that kubectl (seen: 1.27 to 1.37) sends instead of JSON.

Sources: "Protocol Buffers Encoding"; Kubernetes API concepts, "Kubernetes Protobuf encoding".
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.protobuf.messages import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.apiserver.protobuf.messages import Field

_MAGIC = b"k8s\x00"
_VARINT, _BYTES = 0, 2
_DEEPEST = 20


class NotReadable(ValueError):
    """A body is not a message that this module knows."""


def read(body: bytes) -> dict[str, Any]:
    """Return the object in a protobuf body in its JSON form; raises `NotReadable`."""
    if not body.startswith(_MAGIC):
        raise NotReadable("no Kubernetes protobuf")
    envelope = _parts(body[len(_MAGIC) :])
    kind_of = _parts(_last(envelope, 1))
    kind = _text(_last(kind_of, 2))
    value = {"kind": kind, "apiVersion": _text(_last(kind_of, 1)), "metadata": {}}
    return {**value, **_message(kind, _last(envelope, 2), 0)}


def _message(kind: str, data: bytes, depth: int) -> dict[str, Any]:
    """Return a message's fields in their JSON form."""
    fields = fields_of(kind)
    if fields is None or depth > _DEEPEST:
        raise NotReadable(f"{kind} is not known in protobuf here")
    value: dict[str, Any] = {}
    for number, content in _fields(data):
        field = fields.get(number)
        if field is None:
            if content:
                raise NotReadable(f"field {number} of {kind} is not known in protobuf here")
        elif field.holds != "-":
            _add(value, field, content, depth)
    return value


def _add(value: dict[str, Any], field: Field, content: bytes | int, depth: int) -> None:
    """Add one occurrence of a field to ``value``."""
    holds, name = field.holds, field.name
    is_number = holds.rstrip("?") in ("int", "bool")
    if is_number != isinstance(content, int):
        raise NotReadable(f"{name} has another type")
    if isinstance(content, int):
        if content or holds.endswith("?"):
            value[name] = bool(content) if holds.startswith("bool") else content
    elif holds in ("map", "data"):
        entry = _parts(content)
        raw = _last(entry, 2)
        text = base64.b64encode(raw).decode() if holds == "data" else _text(raw)
        value.setdefault(name, {})[_text(_last(entry, 1))] = text
    elif holds.startswith("+"):
        value |= _message(holds[1:], content, depth + 1)
    else:
        item: Any = _text(content) if holds == "text" else _message(holds, content, depth + 1)
        if holds == "IntOrString":
            item = item.get("strVal", "") if item.get("type") else item.get("intVal", 0)
        if field.many:
            value.setdefault(name, []).append(item)
        elif item != "":
            value[name] = item


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield each field's number and content: a number, or the bytes of all else."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire not in (_VARINT, _BYTES):
            raise NotReadable(f"wire type {wire}")
        size, place = _varint(data, place)
        if wire == _VARINT:
            yield number, size
            continue
        if place + size > len(data):
            raise NotReadable("the message is cut off")
        yield number, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place
    raise NotReadable("a number is cut off")


def _parts(data: bytes) -> dict[int, bytes]:
    """Return the last content of each field that is no number."""
    return {number: value for number, value in _fields(data) if isinstance(value, bytes)}


def _last(message: dict[int, bytes], number: int) -> bytes:
    return message.get(number, b"")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NotReadable("a text is not UTF-8") from error
