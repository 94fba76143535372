"""The form that a client wants an answer in, which is what its header Accept says.

Sources: Kubernetes API concepts, "Receiving resources as Tables" and "Alternate representations of
resources"; RFC 9110 section 12.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.bodies import Answered
from kubeauth.testing.apiserver.tables import table

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource
    from kubeauth.testing.wire.http import Request

__all__ = ["Form", "wanted"]

_MEDIA = ("application/json", "application/yaml")
_METADATA = "PartialObjectMetadata"
_SHAPES = ("", "Table", _METADATA, f"{_METADATA}List")


@dataclass(frozen=True, slots=True)
class Form:
    """A media type, and a shape: "" for the object itself, or a kind of meta.k8s.io.

    `included` says what rows of a Table have as their object: "None", "Metadata" or "Object".
    """

    media: str = _MEDIA[0]
    shape: str = ""
    included: str = ""

    def single(self, resource: Resource, item: Object, now: float) -> dict[str, Any]:
        """Return one object; `now` is the epoch."""
        if self.shape == "Table":
            return self._table(resource, [item], now, item["metadata"]["resourceVersion"])
        if self.shape == f"{_METADATA}List":
            raise Answered(failures.wrong_shape(self.shape, resource.kind, is_list=False))
        return _only_metadata(item) if self.shape else item

    def whole(
        self, resource: Resource, items: list[Object], metadata: dict[str, Any], now: float
    ) -> dict[str, Any]:
        """Return a list with its metadata; `now` is the epoch."""
        if self.shape == "Table":
            shown = self._table(resource, items, now, "")
            return {**shown, "metadata": metadata}
        if self.shape == _METADATA:
            raise Answered(failures.wrong_shape(self.shape, f"{resource.kind}List", is_list=True))
        if self.shape:
            shown_items = [_only_metadata(item) for item in items]
            head = {"kind": self.shape, "apiVersion": "meta.k8s.io/v1"}
            return {**head, "metadata": metadata, "items": shown_items}
        return _collection(resource, items, metadata)

    def _table(
        self, resource: Resource, items: list[Object], now: float, version: str
    ) -> dict[str, Any]:
        shown = table(resource, items, version, now)
        for row, item in zip(shown["rows"], items, strict=True):
            objects = {"None": None, "Object": item}
            row["object"] = objects.get(self.included, _only_metadata(item))
        return shown


def wanted(request: Request) -> Form:
    """Return the form that a client likes best of those that the server has; raises `Answered`."""
    accept = request.headers.get("accept") or "*/*"
    clauses = [_clause(text) for text in accept.split(",")]
    for _, media, shape in sorted(clauses, key=lambda clause: -clause[0]):
        known = _MEDIA[0] if media == "*/*" else media
        if known in _MEDIA and shape in _SHAPES:
            return Form(known, shape, request.query.get("includeObject", ""))
    raise Answered(failures.not_acceptable(_MEDIA))


def _clause(text: str) -> tuple[float, str, str]:
    """Return the weight, the media type and the shape of one clause."""
    media, *rest = (word.strip() for word in text.split(";"))
    parameters = dict(word.partition("=")[::2] for word in rest)
    try:
        weight = float(parameters.get("q", "1"))
    except ValueError:
        weight = 1.0
    return weight, media, parameters.get("as", "")


def _only_metadata(item: Object) -> dict[str, Any]:
    return {"kind": _METADATA, "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _collection(
    resource: Resource, items: list[Object], metadata: dict[str, Any]
) -> dict[str, Any]:
    """Return objects as a list; leave out the kind of each, since the list names it."""
    bare = ("kind", "apiVersion")
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": [{k: v for k, v in item.items() if k not in bare} for item in items],
    }
