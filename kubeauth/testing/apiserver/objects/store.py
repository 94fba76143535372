"""The objects of the simulated cluster, and how they change."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from kubeauth.testing.apiserver.objects.changes import complete
from kubeauth.testing.apiserver.objects.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource
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


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one object, which is gone if it `is_deleted`; `before` is None if it is new."""

    number: int
    resource: Resource
    before: Object | None
    object: Object
    is_deleted: bool = False


class Store:
    """Objects by resource, namespace and name; every change has a number, the resource version."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._objects: dict[_Key, Object] = {}
        self._changes: list[Change] = []
        self._version = 0
        self._closed = False
        self._fill()

    def _fill(self) -> None:
        nodes, namespaces, pods = RESOURCES[:3]
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
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
        """Create or replace an object and return it as stored; one that is the same stays as is."""
        with self._changed:
            stored = self.prepared(resource, namespace, item)
            key = (resource.name, namespace, stored["metadata"]["name"])
            before = self._objects.get(key)
            if before is not None:
                number = before["metadata"]["resourceVersion"]
                stored["metadata"]["resourceVersion"] = number
                if stored == before:
                    return before
            self._version += 1
            stored["metadata"]["resourceVersion"] = str(self._version)
            self._objects[key] = stored
            self._record(Change(self._version, resource, before, stored))
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
                self._record(Change(self._version, resource, item, item, is_deleted=True))
            return item

    def _record(self, change: Change) -> None:
        self._changes.append(change)
        self._changed.notify_all()

    def present(self, resource: Resource, namespace: str) -> tuple[Sequence[Object], int]:
        """Return the objects of one namespace, or of all, and the number of the newest change."""
        with self._changed:
            return self.list(resource, namespace), self._version

    def changes(
        self, resource: Resource, namespace: str, since: int, seconds: float
    ) -> Iterator[Change]:
        """Yield the changes of one resource after number `since`, for at most `seconds`."""
        deadline = time.monotonic() + seconds
        place = 0
        while True:
            with self._changed:
                while place >= len(self._changes):
                    left = deadline - time.monotonic()
                    if left <= 0 or self._closed:
                        return
                    self._changed.wait(left)
                change = self._changes[place]
            place += 1
            of_space = namespace in ("", change.object["metadata"].get("namespace", ""))
            if change.number > since and change.resource.name == resource.name and of_space:
                yield change

    def close(self) -> None:
        """End every watch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
