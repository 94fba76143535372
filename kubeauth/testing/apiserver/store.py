"""The objects of the simulated cluster, and the watches that report their changes."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.wire.clock import Clock

Object = dict[str, Any]
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object and its name in addresses."""

    name: str
    kind: str
    group: str = ""
    namespaced: bool = True
    short: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """Group and version."""
        return f"{self.group}/v1" if self.group else "v1"


RESOURCES = (
    Resource("nodes", "Node", namespaced=False, short=("no",)),
    Resource("namespaces", "Namespace", namespaced=False, short=("ns",)),
    Resource("pods", "Pod", short=("po",)),
    Resource("configmaps", "ConfigMap", short=("cm",)),
    Resource("deployments", "Deployment", "apps", short=("deploy",)),
)

# All fields that a node's system information must have; some clients check (Kubernetes API,
# NodeSystemInfo). kube-proxy's version is deprecated and always empty.
_SYSTEM = {
    "architecture": "amd64",
    "bootID": "00000000-0000-0000-0000-000000000000",
    "containerRuntimeVersion": "containerd://2.0.0",
    "kernelVersion": "6.8.0",
    "kubeProxyVersion": "",
    "kubeletVersion": "v1.32.0",
    "operatingSystem": "linux",
    "osImage": "Simulated",
}


class Store:
    """Objects by resource, namespace and name; every change has a number, the resource version."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._objects: dict[_Key, Object] = {}
        self._events: list[tuple[int, str, Resource, Object]] = []
        self._version = 0
        self._closed = False
        self._fill()

    def _fill(self) -> None:
        nodes, namespaces, pods = RESOURCES[:3]
        for name in ("default", "kube-system"):
            self.put(namespaces, "", {"metadata": {"name": name}, "status": {"phase": "Active"}})
        for number in range(2):
            ready = {"type": "Ready", "status": "True"}
            info = {**_SYSTEM, "machineID": f"{number:032x}", "systemUUID": f"{number:032x}"}
            node = {
                "metadata": {"name": f"node-{number}", "labels": {"kubernetes.io/os": "linux"}},
                "spec": {},
                "status": {"conditions": [ready], "nodeInfo": info},
            }
            self.put(nodes, "", node)
        pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web"}]}}
        self.put(pods, "default", {**pod, "status": {"phase": "Running"}})

    @property
    def version(self) -> str:
        """The number of the newest change."""
        return str(self._version)

    def list(self, resource: Resource, namespace: str) -> list[Object]:
        """Return the objects of one namespace, or of all for an empty name."""
        with self._changed:
            return [
                item
                for (name, space, _), item in self._objects.items()
                if name == resource.name and namespace in ("", space)
            ]

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, or None."""
        with self._changed:
            return self._objects.get((resource.name, namespace, name))

    def put(self, resource: Resource, namespace: str, item: Object) -> Object:
        """Create or replace an object and return it as stored."""
        with self._changed:
            key = (resource.name, namespace, item["metadata"]["name"])
            before = self._objects.get(key)
            self._version += 1
            kept = (before or {}).get("metadata", {})
            now = datetime.fromtimestamp(self._clock.now(), timezone.utc)
            metadata = {
                **item["metadata"],
                "uid": kept.get("uid") or str(uuid.uuid4()),
                "creationTimestamp": kept.get("creationTimestamp")
                or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "resourceVersion": str(self._version),
            }
            if resource.namespaced:
                metadata["namespace"] = namespace
            identity = {"kind": resource.kind, "apiVersion": resource.api_version}
            stored = {**item, **identity, "metadata": metadata}
            self._objects[key] = stored
            self._record("MODIFIED" if before else "ADDED", resource, stored)
            return stored

    def delete(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Remove an object and return it, or None if it does not exist."""
        with self._changed:
            item = self._objects.pop((resource.name, namespace, name), None)
            if item is not None:
                self._version += 1
                self._record("DELETED", resource, item)
            return item

    def _record(self, event: str, resource: Resource, item: Object) -> None:
        self._events.append((self._version, event, resource, item))
        self._changed.notify_all()

    def watch(
        self, resource: Resource, namespace: str, since: int, seconds: float
    ) -> Iterator[tuple[str, Object]]:
        """Yield changes after number `since`, for at most `seconds`."""
        deadline = time.monotonic() + seconds
        place = 0
        while True:
            with self._changed:
                while place >= len(self._events):
                    left = deadline - time.monotonic()
                    if left <= 0 or self._closed:
                        return
                    self._changed.wait(left)
                number, event, kind, item = self._events[place]
            place += 1
            space = item["metadata"].get("namespace", "")
            if number > since and kind.name == resource.name and namespace in ("", space):
                yield event, item

    def close(self) -> None:
        """End every watch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


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
