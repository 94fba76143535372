"""What the API server says of itself: health, discovery and OpenAPI documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.objects.resources import GROUPS, RESOURCES
from kubeauth.testing.apiserver.protobuf import openapi as protobuf
from kubeauth.testing.apiserver.reviews import REVIEWS
from kubeauth.testing.apiserver.subresources import described
from kubeauth.testing.wire.http import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeauth.testing.apiserver.objects.resources import Resource


_HEALTH = ("/healthz", "/livez", "/readyz")


def is_open(path: str) -> bool:
    """Return whether a path answers everybody."""
    return path in _HEALTH


def health(path: str, query: Mapping[str, str]) -> Response | None:
    """Answer a health check, with a line for each check if `verbose`; None for other paths."""
    root, _, check = path.lstrip("/").partition("/")
    if f"/{root}" not in _HEALTH or check not in ("", "ping"):
        return None
    every = "verbose" in query and not check
    text = f"[+]ping ok\n{root} check passed\n" if every else "ok"
    return Response(200, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


def answer(code: int, value: Any) -> Response:
    """Return `value` as a JSON answer; an API server's media type has no charset."""
    return json_response(code, value, {"Content-Type": "application/json"})


def discovery(path: str, version: str, server: str) -> dict[str, Any] | None:
    """Return the discovery document at `path`, or None if the path has none."""
    if path == "/version":
        major, minor = version.lstrip("v").split(".")[:2]
        platform = {"platform": "linux/amd64", "goVersion": "go1.24", "compiler": "gc"}
        return {"major": major, "minor": minor, "gitVersion": version, **platform}
    if path == "":
        return {"paths": [*_documents(), "/openapi/v3", *_HEALTH, "/version"]}
    if path == "/api":
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": server.removeprefix("https://")}
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [address],
        }
    if path == "/apis":
        groups = [_group(name) for name in GROUPS]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    for group in ("", *GROUPS):
        if path == (f"/apis/{group}/v1" if group else "/api/v1"):
            return _resource_list(group)
        if group and path == f"/apis/{group}":
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
    return None


def _documents() -> list[str]:
    """Return the addresses of the documents of discovery."""
    groups = [path for name in GROUPS for path in (f"/apis/{name}", f"/apis/{name}/v1")]
    return ["/api", "/api/v1", "/apis", *groups]


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resource_list(group: str) -> dict[str, Any]:
    resources = []
    for resource in _of_group(group):
        resources.append(_described(resource))
        resources += described(resource)
    for name, (owner, kind) in REVIEWS.items():
        if owner == group:
            review = {"name": name, "singularName": kind.lower(), "namespaced": False}
            resources.append({**review, "kind": kind, "verbs": ["create"]})
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _described(resource: Resource) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": resource.name,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    }
    if resource.short:
        described["shortNames"] = list(resource.short)
    if resource.listed_by_all:
        described["categories"] = ["all"]
    return described


def openapi(path: str) -> dict[str, Any] | None:
    """Return the OpenAPI 3 documents kubectl reads before it applies an object.

    They say only that the server checks fields itself (`fieldValidation`). They describe no kind,
    so `kubectl explain` says that it finds none.
    """
    owners = dict.fromkeys(resource.group for resource in RESOURCES)
    groups = {group: f"apis/{group}/v1" if group else "api/v1" for group in owners}
    info = {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1"}}
    if path == "/openapi/v3":
        urls = {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in groups.values()}
        return {"paths": urls}
    for group, name in groups.items():
        if path == f"/openapi/v3/{name}":
            described: dict[str, Any] = {"components": {"schemas": {}}}
            return {
                **info,
                **described,
                "paths": dict(_patch_operation(r, name) for r in _of_group(group)),
            }
    return None


def openapi_v2(accept: str) -> Response | None:
    """Return the OpenAPI 2 document to a client that takes it in protobuf, None to others."""
    if protobuf.ASKED_FOR not in accept:
        return None
    owners = (("", "api/v1"), *((group, f"apis/{group}/v1") for group in GROUPS))
    patches = [
        (_patch_address(resource, root), _kind(resource))
        for group, root in owners
        for resource in _of_group(group)
    ]
    return Response(200, protobuf.document(patches), {"Content-Type": protobuf.MEDIA})


def _of_group(group: str) -> list[Resource]:
    return [resource for resource in RESOURCES if resource.group == group]


def _patch_address(resource: Resource, root: str) -> str:
    middle = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"/{root}/{middle}{resource.name}/{{name}}"


def _kind(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": "v1", "kind": resource.kind}


def _patch_operation(resource: Resource, root: str) -> tuple[str, dict[str, Any]]:
    field_validation = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    parameters = [field_validation]
    operation = {"parameters": parameters, "x-kubernetes-group-version-kind": _kind(resource)}
    return _patch_address(resource, root), {"patch": operation}
