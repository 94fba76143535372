"""The bodies of requests: objects and patches, in JSON or protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.objects.changes import BadPatch, apply_steps, merge
from kubeauth.testing.apiserver.objects.strategic import strategic_merge
from kubeauth.testing.apiserver.protobuf.reader import NotReadable, read

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.wire.http import Request, Response


class Answered(Exception):
    """Raised to end a request with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def patched(request: Request, item: Object | None) -> Object:
    """Return an object as a patch changes it; raises `Answered`."""
    media = request.headers.get("content-type", "").partition(";")[0]
    if media not in _PATCHES:
        raise Answered(failures.wrong_type("415: Unsupported Media Type", {}))
    if media.startswith("application/apply-patch") and not request.query.get("fieldManager"):
        why = "is required for apply patch"
        kind, group = "PatchOptions", "meta.k8s.io"
        raise Answered(failures.required(kind, "fieldManager", why, group))
    patch = request.json()
    if media == "application/json-patch+json":
        if not isinstance(patch, list):
            raise Answered(failures.bad_request("error decoding patch"))
        try:
            return apply_steps(item or {}, patch)
        except BadPatch as error:
            raise Answered(failures.status(422, "Invalid", str(error), {})) from error
    if not isinstance(patch, dict):
        raise Answered(failures.bad_request("error decoding patch"))
    if media.startswith("application/apply-patch") and not patch.get("kind"):
        raise Answered(failures.bad_request("invalid object type: /, Kind="))
    combine = strategic_merge if media.startswith("application/strategic") else merge
    merged: Object = combine(item or {}, patch)
    return merged


_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def body_of(request: Request, kind: str) -> Object:
    """Return the object of a kind that a request carries; raises `Answered`."""
    media = request.headers.get("content-type", "application/json").partition(";")[0]
    if media == "application/vnd.kubernetes.protobuf":
        try:
            value: Any = read(request.body)
        except NotReadable as error:
            # The real server knows all of it; a wrong object would be worse than a refusal.
            text = f"the simulated API server cannot read this body: {error}"
            raise Answered(failures.wrong_type(text)) from error
    elif media in ("application/json", "application/yaml"):
        value = request.json()
    else:
        text = "the body of the request was in an unknown format - accepted media types include: "
        text += "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        raise Answered(failures.wrong_type(text))
    if not isinstance(value, dict):
        text = f"the object provided is unrecognized (must be of type {kind})"
        raise Answered(failures.bad_request(text))
    if value.get("kind", kind) != kind:
        text = f'{value["kind"]} in version "v1" cannot be handled as a {kind}'
        raise Answered(failures.bad_request(text))
    return value
