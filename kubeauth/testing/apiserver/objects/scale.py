"""The number of replicas as an object of its own (Kubernetes API reference, "Scale v1")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.changes import Object

__all__ = ["SCALABLE", "scale_of", "scaled"]

SCALABLE = ("deployments", "replicasets", "statefulsets")


def scale_of(item: Object) -> dict[str, Any]:
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


def scaled(item: Object, scale: Object) -> Object:
    """Return an object with the replicas of a changed Scale; raises ValueError if it has none."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        raise ValueError(f"{replicas!r} is no number of replicas")
    return {**item, "spec": {**item["spec"], "replicas": replicas}}
