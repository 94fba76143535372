"""The parts of objects with an address of their own: status, scale, a pod's log and connections.

Source: Kubernetes API reference. No pod runs anywhere, so nothing can connect to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource

__all__ = ["CONNECTIONS", "PARTS", "changed_part", "connection", "described", "part_of"]

_STATUS = (
    *("nodes", "namespaces", "pods", "services", "deployments", "replicasets", "statefulsets"),
    *("daemonsets", "jobs", "cronjobs", "ingresses"),
)
_SCALE = ("deployments", "replicasets", "statefulsets")
_CONNECTION_KINDS = {
    "attach": "PodAttachOptions",
    "exec": "PodExecOptions",
    "portforward": "PodPortForwardOptions",
}
CONNECTIONS = ("log", *_CONNECTION_KINDS)
PARTS = {"status": _STATUS, "scale": _SCALE, **dict.fromkeys(CONNECTIONS, ("pods",))}
"""The kinds of objects that have a part, by its name."""


def described(resource: Resource) -> list[dict[str, Any]]:
    """Return the parts of a kind as discovery lists them."""
    return [
        {"name": f"{resource.name}/{part}", "singularName": "", **_description(resource, part)}
        for part, owners in PARTS.items()
        if resource.name in owners
    ]


def _description(resource: Resource, part: str) -> dict[str, Any]:
    described: dict[str, Any] = {"namespaced": resource.namespaced, "kind": resource.kind}
    if part == "scale":
        described |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    if part == "log":
        return {**described, "verbs": ["get"]}
    if part in _CONNECTION_KINDS:
        return {**described, "kind": _CONNECTION_KINDS[part], "verbs": ["create", "get"]}
    return {**described, "verbs": ["get", "patch", "update"]}


def connection(part: str, verb: str, pod: str) -> Response:
    """Return the answer to who reads a pod's log, which is empty, or connects to it."""
    if part == "log":
        return Response(204) if verb == "get" else failures.not_allowed()
    if verb not in ("get", "create"):
        return failures.not_allowed()
    return failures.bad_request(f"pod {pod} does not have a host assigned")


def part_of(item: Object, part: str) -> Object:
    """Return the object itself for its status, or its Scale."""
    return _scale_of(item) if part == "scale" else item


def changed_part(item: Object, part: str, changed: Object) -> Object:
    """Return an object with a changed status or scale; raises ValueError."""
    if part == "scale":
        return _scaled(item, changed)
    return {**item, "status": changed.get("status") or {}}


def _scale_of(item: Object) -> dict[str, Any]:
    """Return the Scale of an object."""
    metadata, spec = item["metadata"], item["spec"]
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown},
        "spec": {"replicas": spec["replicas"]},
        "status": {
            "replicas": (item.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def _scaled(item: Object, scale: Object) -> Object:
    """Return an object with the replicas of a changed Scale; raises ValueError if it has none."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        raise ValueError(f"{replicas!r} is no number of replicas")
    return {**item, "spec": {**item["spec"], "replicas": replicas}}
