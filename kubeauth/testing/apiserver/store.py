"""The objects of the simulated cluster, and the watches that report their changes."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from kubeauth.testing.apiserver.changes import complete
from kubeauth.testing.apiserver.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.apiserver.changes import Object
    from kubeauth.testing.apiserver.resources import Resource
    from kubeauth.testing.wire.clock import Clock

_Key = tuple[str, str, str]


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
            self.put(namespaces, "", {"metadata": {"name": name}})
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
                for (name, space, _), item in sorted(self._objects.items(), key=lambda one: one[0])
                if name == resource.name and namespace in ("", space)
            ]

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, or None."""
        with self._changed:
            return self._objects.get((resource.name, namespace, name))

    def put(self, resource: Resource, namespace: str, item: Object) -> Object:
        """Create or replace an object and return it as stored."""
        with self._changed:
            self._version += 1
            stored = self.prepared(resource, namespace, item)
            stored["metadata"]["resourceVersion"] = str(self._version)
            key = (resource.name, namespace, stored["metadata"]["name"])
            event = "MODIFIED" if key in self._objects else "ADDED"
            self._objects[key] = stored
            self._record(event, resource, stored)
            return stored

    def prepared(self, resource: Resource, namespace: str, item: Object) -> Object:
        """Return an object as it would be stored, which is the answer to a dry run."""
        with self._changed:
            key = (resource.name, namespace, item["metadata"]["name"])
            before = self._objects.get(key)
            item = complete(resource, item, key[2])
            kept = (before or {}).get("metadata", {})
            now = datetime.fromtimestamp(self._clock.now(), timezone.utc)
            metadata = {
                **item["metadata"],
                "uid": kept.get("uid") or str(uuid.uuid4()),
                "creationTimestamp": kept.get("creationTimestamp")
                or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            if resource.namespaced:
                metadata["namespace"] = namespace
            identity = {"kind": resource.kind, "apiVersion": resource.api_version}
            return {**item, **identity, "metadata": metadata}

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
        """Yield changes after number `since`, for at most `seconds`.

        For 0 it begins with the objects that exist ("Efficient detection of changes").
        """
        if since == 0:
            with self._changed:
                since, present = self._version, self.list(resource, namespace)
            for item in present:
                yield "ADDED", item
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
