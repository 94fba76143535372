"""Patches, and the fields that the server fills in for an object that lacks them."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.resources import Resource

Object = dict[str, Any]


class BadPatch(ValueError):
    """A patch cannot be applied to this object."""


def merge(target: Any, patch: Any) -> Any:
    """Return `target` changed by a JSON Merge Patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def apply_steps(target: Object, steps: Any) -> Object:
    """Return `target` changed by a JSON Patch (RFC 6902): add, replace, remove, test.

    Raises `BadPatch`.
    """
    changed = copy.deepcopy(target)
    try:
        for step in steps:
            *path, last = [
                word.replace("~1", "/").replace("~0", "~") for word in step["path"].split("/")[1:]
            ]
            place: Any = changed
            for word in path:
                place = place[int(word)] if isinstance(place, list) else place[word]
            _step(place, last, step)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        text = "the server rejected our request due to an error in our request"
        raise BadPatch(text) from error
    return changed


def _step(place: Any, last: str, step: Object) -> None:
    key: Any = last
    if isinstance(place, list):
        key = len(place) if last == "-" else int(last)
    action = step["op"]
    if action == "remove":
        del place[key]
    elif action == "test":
        if place[key] != step["value"]:
            raise ValueError(f"testing value {step['path']} failed")
    elif action == "add" and isinstance(place, list):
        place.insert(key, step["value"])
    elif action in ("add", "replace"):
        if action == "replace":
            place[key]  # must exist
        place[key] = step["value"]
    else:
        raise ValueError(f"unknown operation {action}")


def complete(resource: Resource, item: Object, name: str) -> Object:
    """Return an object with the defaults that clients read."""
    fill = {
        "namespaces": _namespace,
        "secrets": _secret,
        "services": _service,
        "pods": _pod,
        "deployments": _replicated,
        "replicasets": _replicated,
        "statefulsets": _replicated,
    }.get(resource.name)
    return fill(item, name) if fill else item


def _namespace(item: Object, name: str) -> Object:
    metadata = item.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": name}
    return {
        **item,
        "metadata": {**metadata, "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _secret(item: Object, _name: str) -> Object:
    plain = {
        key: base64.b64encode(str(value).encode()).decode()
        for key, value in (item.get("stringData") or {}).items()
    }
    kept = {key: value for key, value in item.items() if key != "stringData"}
    data = {**(item.get("data") or {}), **plain}
    filled = {"data": data} if data else {}
    return {**kept, **filled, "type": item.get("type") or "Opaque"}


def _service(item: Object, _name: str) -> Object:
    spec = item.get("spec") or {}
    ports = [
        {"protocol": "TCP", "targetPort": port.get("port"), **port}
        for port in spec.get("ports") or []
    ]
    defaults = {"type": "ClusterIP", "clusterIP": "10.0.0.10", "sessionAffinity": "None"}
    return {
        **item,
        "spec": {**defaults, **spec, "ports": ports},
        "status": {"loadBalancer": {}, **(item.get("status") or {})},
    }


def _pod(item: Object, _name: str) -> Object:
    spec = {"restartPolicy": "Always", **(item.get("spec") or {})}
    return {**item, "spec": spec, "status": {"phase": "Pending", **(item.get("status") or {})}}


def _replicated(item: Object, _name: str) -> Object:
    return {
        **item,
        "metadata": {"generation": 1, **(item.get("metadata") or {})},
        "spec": {"replicas": 1, **(item.get("spec") or {})},
        "status": item.get("status") or {},
    }
