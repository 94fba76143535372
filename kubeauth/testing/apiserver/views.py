"""The API server's answers: discovery documents, tables, Status objects."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.store import RESOURCES
from kubeauth.testing.wire.http import json_response

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.store import Object, Resource
    from kubeauth.testing.wire.http import Response

_GROUPS = ("apps", "authentication.k8s.io", "authorization.k8s.io")
_REVIEWS = {
    "authentication.k8s.io": ("selfsubjectreviews", "SelfSubjectReview"),
    "authorization.k8s.io": ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
_COLUMNS: dict[str, tuple[str, ...]] = {
    "nodes": ("Name", "Status", "Roles", "Age", "Version"),
    "pods": ("Name", "Ready", "Status", "Restarts", "Age"),
    "namespaces": ("Name", "Status", "Age"),
    "configmaps": ("Name", "Data", "Age"),
}


def answer(code: int, value: Any) -> Response:
    """Return `value` as a JSON answer; an API server's media type has no charset."""
    return json_response(code, value, {"Content-Type": "application/json"})


def status(code: int, reason: str, message: str) -> Response:
    """Return a failure as a Kubernetes Status object."""
    return answer(
        code,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        },
    )


def discovery(path: str, version: str, server: str) -> dict[str, Any] | None:
    """Return the discovery document at `path`, or None if the path has none."""
    if path == "/version":
        major, minor = version.lstrip("v").split(".")[:2]
        platform = {"platform": "linux/amd64", "goVersion": "go1.24", "compiler": "gc"}
        return {"major": major, "minor": minor, "gitVersion": version, **platform}
    if path == "/api":
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": server.removeprefix("https://")}
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [address],
        }
    if path == "/apis":
        groups = [_group(name) for name in _GROUPS]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    for group in ("", *_GROUPS):
        if path == (f"/apis/{group}/v1" if group else "/api/v1"):
            return _resource_list(group)
        if group and path == f"/apis/{group}":
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
    return None


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resource_list(group: str) -> dict[str, Any]:
    resources: list[dict[str, Any]] = [
        {
            "name": resource.name,
            "singularName": resource.kind.lower(),
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": _VERBS,
            "shortNames": list(resource.short),
        }
        for resource in RESOURCES
        if resource.group == group
    ]
    if group in _REVIEWS:
        name, kind = _REVIEWS[group]
        review = {"name": name, "singularName": "", "namespaced": False, "kind": kind}
        resources.append({**review, "verbs": ["create"]})
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def openapi(path: str) -> dict[str, Any] | None:
    """Return the OpenAPI 3 documents kubectl reads before it applies an object.

    They say only that the server checks fields itself (`fieldValidation`).
    """
    groups = {"": "api/v1", "apps": "apis/apps/v1"}
    info = {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1"}}
    if path == "/openapi/v3":
        urls = {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in groups.values()}
        return {"paths": urls}
    for group, name in groups.items():
        if path == f"/openapi/v3/{name}":
            return {**info, "paths": dict(_patch_operation(r, name) for r in _of_group(group))}
    return None


def _of_group(group: str) -> list[Resource]:
    return [resource for resource in RESOURCES if resource.group == group]


def _patch_operation(resource: Resource, root: str) -> tuple[str, dict[str, Any]]:
    middle = "namespaces/{namespace}/" if resource.namespaced else ""
    field_validation = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    kind = {"group": resource.group, "version": "v1", "kind": resource.kind}
    operation = {"parameters": [field_validation], "x-kubernetes-group-version-kind": kind}
    return f"/{root}/{middle}{resource.name}/{{name}}", {"patch": operation}


def collection(resource: Resource, items: list[Object], version: str) -> dict[str, Any]:
    """Return objects as a list."""
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": {"resourceVersion": version},
        "items": items,
    }


def table(resource: Resource, items: list[Object], version: str, now: float) -> dict[str, Any]:
    """Return objects as a meta.k8s.io/v1 Table, which kubectl prints unchanged."""
    columns = _COLUMNS.get(resource.name, ("Name", "Age"))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for name in columns
        ],
        "rows": [_row(columns, item, now) for item in items],
    }


def _row(columns: tuple[str, ...], item: Object, now: float) -> dict[str, Any]:
    shown = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {
        "cells": [_cell(column, item, now) for column in columns],
        "object": {**shown, "metadata": item["metadata"]},
    }


def _cell(column: str, item: Object, now: float) -> str:
    state = item.get("status", {})
    values = {
        "Name": item["metadata"]["name"],
        "Status": state.get("phase", "Ready"),
        "Roles": "<none>",
        "Age": _age(item["metadata"]["creationTimestamp"], now),
        "Version": state.get("nodeInfo", {}).get("kubeletVersion", ""),
        "Ready": "1/1",
        "Restarts": "0",
        "Data": str(len(item.get("data", {}))),
    }
    return str(values[column])


def _age(created: str, now: float) -> str:
    then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    seconds = max(0, int(now - then.timestamp()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
