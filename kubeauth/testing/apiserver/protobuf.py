"""The protobuf messages that kubectl (seen: 1.27 to 1.37) sends instead of JSON.

Sources: "Protocol Buffers Encoding"; Kubernetes API concepts, "Kubernetes Protobuf encoding";
generated.proto of the API groups for the field numbers.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"k8s\x00"
_ATTRIBUTES = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


class NotReadable(ValueError):
    """A body is not a message that this module knows."""


def read(body: bytes) -> dict[str, Any]:
    """Return the object in a protobuf body in its JSON form; raises `NotReadable`."""
    if not body.startswith(_MAGIC):
        raise NotReadable("no Kubernetes protobuf")
    envelope = _message(body[len(_MAGIC) :])
    kind_of = _message(_last(envelope, 1))
    kind = _last(kind_of, 2).decode("utf-8", "replace")
    raw = _message(_last(envelope, 2))
    version = _last(kind_of, 1).decode("utf-8", "replace")
    value: dict[str, Any] = {"kind": kind, "apiVersion": version, "metadata": {}}
    if kind == "SelfSubjectAccessReview":
        attributes = _message(_last(_message(_last(raw, 2)), 1))
        named = {name: _last(attributes, n).decode() for n, name in enumerate(_ATTRIBUTES, 1)}
        return {**value, "spec": {"resourceAttributes": named}}
    if kind == "SelfSubjectRulesReview":
        return {**value, "spec": {"namespace": _last(_message(_last(raw, 2)), 1).decode()}}
    if kind == "SelfSubjectReview":
        return value
    if kind not in ("ConfigMap", "Namespace", "Secret", "ServiceAccount"):
        raise NotReadable(f"{kind} is not known in protobuf here")
    metadata = _message(_last(raw, 1))
    value["metadata"] = {
        "name": _last(metadata, 1).decode(),
        "labels": _mapping(metadata, 11),
        "annotations": _mapping(metadata, 12),
    }
    if kind == "ConfigMap":
        value["data"] = _mapping(raw, 2)
    if kind == "Secret":
        entries = [_message(entry) for entry in raw.get(2, [])]
        value["data"] = {
            _last(entry, 1).decode(): base64.b64encode(_last(entry, 2)).decode()
            for entry in entries
        }
        value["type"] = _last(raw, 3).decode()
    return value


_Message = dict[int, list[bytes]]


def _message(data: bytes) -> _Message:
    found: _Message = {}
    for number, value in _fields(data):
        found.setdefault(number, []).append(value)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield field numbers with their bytes; skip numbers (varints), which no message needs."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, place = _varint(data, place)
        elif wire == 2:
            size, place = _varint(data, place)
            if place + size > len(data):
                raise NotReadable("the message is cut off")
            yield number, data[place : place + size]
            place += size
        else:
            raise NotReadable(f"wire type {wire}")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place
    raise NotReadable("a number is cut off")


def _last(message: _Message, number: int) -> bytes:
    return message.get(number, [b""])[-1]


def _mapping(message: _Message, number: int) -> dict[str, str]:
    entries = [_message(entry) for entry in message.get(number, [])]
    return {_last(entry, 1).decode(): _last(entry, 2).decode() for entry in entries}
