"""The API server's failures, in the words of the real one (seen: 1.37)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeauth.testing.wire.http import Response, json_response

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.resources import Resource


def status(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> Response:
    """Return a failure as a Kubernetes Status object."""
    value = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if details is not None:
        value["details"] = details
    return json_response(code, value, {"Content-Type": "application/json"})


def details_of(resource: Resource, name: str = "") -> dict[str, Any]:
    """Return what a Status says of the object that it is about."""
    found = {"name": name, "group": resource.group, "kind": resource.name}
    return {key: value for key, value in found.items() if value}


def no_such_path() -> Response:
    """Return the answer to an address that belongs to no API."""
    return Response(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})


def no_such_resource() -> Response:
    """Return the answer to a resource that the API group lacks."""
    return status(404, "NotFound", "the server could not find the requested resource", {})


def missing(resource: Resource, name: str) -> Response:
    """Return the answer where no object has the name."""
    text = f'{resource.qualified} "{name}" not found'
    return status(404, "NotFound", text, details_of(resource, name))


def forbidden(resource: Resource, namespace: str, name: str, user: str, verb: str) -> Response:
    """Return the answer to a user who may not do this."""
    about = f'{resource.qualified} "{name}"' if name else resource.qualified
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    text = f'{about} is forbidden: User "{user}" cannot {verb} resource "{resource.name}" '
    text += f'in API group "{resource.group}" {where}'
    return status(403, "Forbidden", text, details_of(resource, name))


def not_allowed() -> Response:
    """Return the answer to a method that the address lacks."""
    text = "the server does not allow this method on the requested resource"
    return status(405, "MethodNotAllowed", text, {})


def exists(resource: Resource, name: str) -> Response:
    """Return the answer to a second object of one name."""
    text = f'{resource.qualified} "{name}" already exists'
    return status(409, "AlreadyExists", text, details_of(resource, name))


def conflict(resource: Resource, name: str) -> Response:
    """Return the answer to an update of a version that is not the newest."""
    text = f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been '
    text += "modified; please apply your changes to the latest version and try again"
    return status(409, "Conflict", text, details_of(resource, name))


def bad_request(message: str) -> Response:
    """Return the answer to a request that makes no sense."""
    return status(400, "BadRequest", message)


def wrong_type(message: str, details: dict[str, Any] | None = None) -> Response:
    """Return the answer to a body of a media type that the server does not take."""
    return status(415, "UnsupportedMediaType", message, details)


def required(kind: str, field: str, why: str, group: str = "") -> Response:
    """Return the answer to an object that lacks a field."""
    text = f"Required value: {why}"
    about = f"{kind}.{group}" if group else kind
    cause = {"reason": "FieldValueRequired", "message": text, "field": field}
    details = {"group": group, "kind": kind, "causes": [cause]}
    named = {key: value for key, value in details.items() if value}
    return status(422, "Invalid", f'{about} "" is invalid: {field}: {text}', named)


def unsupported(kind: str, field: str, value: str, known: str) -> Response:
    """Return the answer to an option with a value that is not known."""
    text = f"Unsupported value: {value}: supported values: {known}"
    cause = {"reason": "FieldValueNotSupported", "message": text, "field": field}
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [cause]}
    return status(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {field}: {text}', details)


def invalid_name(resource: Resource, name: str, why: str) -> Response:
    """Return the refusal of a name that is not allowed for its kind of object."""
    text = f'Invalid value: "{name}": {why}'
    cause = {"reason": "FieldValueInvalid", "message": text, "field": "metadata.name"}
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": [cause]}
    about = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    named = {key: value for key, value in details.items() if value}
    return status(422, "Invalid", f'{about} "{name}" is invalid: metadata.name: {text}', named)


def another_uid(resource: Resource, metadata: dict[str, Any], uid: str) -> Response:
    """Return the answer to a deletion that means another object of this name."""
    name = metadata["name"]
    text = f'Operation cannot be fulfilled on {resource.kind} "{name}": the UID in the '
    text += f"precondition ({uid}) does not match the UID in record ({metadata['uid']}). The "
    text += "object might have been deleted and then recreated"
    return status(409, "Conflict", text, {"name": name, "kind": resource.kind})


def protected(resource: Resource, name: str) -> Response:
    """Return the refusal to delete a namespace that every cluster has."""
    text = f'{resource.qualified} "{name}" is forbidden: this namespace may not be deleted'
    return status(403, "Forbidden", text, details_of(resource, name))


def not_acceptable(known: tuple[str, ...]) -> Response:
    """Return the answer to a client that takes no media type that the server has."""
    text = f"406: Not Acceptable\n\nAvailable representations: {', '.join(known)}"
    return status(406, "NotAcceptable", text, {})


def wrong_shape(shape: str, kind: str, *, is_list: bool) -> Response:
    """Return the answer to a client that wants an object as a list, or a list as an object."""
    what = "a list" if is_list else "not a list"
    text = f"you requested {shape}, but the requested object is {what} (*core.{kind})"
    return status(406, "NotAcceptable", text)
