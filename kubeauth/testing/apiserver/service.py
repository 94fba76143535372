"""The API server: check the token, then answer kubectl's request (Kubernetes API concepts)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.auth import Admission, Identity, Refused
from kubeauth.testing.apiserver.protobuf import read
from kubeauth.testing.apiserver.store import RESOURCES, Store, merge
from kubeauth.testing.apiserver.views import answer, collection, discovery, openapi, status, table
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.apiserver.store import Object, Resource
    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

_OPEN_PATHS = ("/healthz", "/livez", "/readyz")
_REVIEWS = ("selfsubjectreviews", "selfsubjectaccessreviews")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_LONGEST_WATCH = 300.0


class ApiServer:
    """A cluster with two nodes, one pod and room for objects."""

    version = "v1.32.0"

    def __init__(self, state: EntraState, cluster: Cluster) -> None:
        self._clock = state.clock
        self._cluster = cluster
        self._admission = Admission(state, cluster)
        self.store = Store(state.clock)

    def reset(self) -> None:
        """Restore the objects of a new cluster."""
        self.store.close()
        self.store = Store(self._clock)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        authorization = request.headers.get("authorization", "")
        if request.path in _OPEN_PATHS and not authorization:
            return Response(200, b"ok", {"Content-Type": "text/plain"})
        try:
            identity = self._admission.identify(authorization)
        except Refused as refusal:
            self._cluster.refusals.append(str(refusal))
            return status(401, "Unauthorized", "Unauthorized")
        if request.path in _OPEN_PATHS:
            return Response(200, b"ok", {"Content-Type": "text/plain"})
        document = discovery(request.path.rstrip("/"), self.version, self._cluster.server)
        document = document or openapi(request.path)
        if document is not None and request.method == "GET":
            return answer(200, document)
        if request.path.rsplit("/", 1)[-1] in _REVIEWS and request.method == "POST":
            return self._review(request, identity)
        found = _locate(request.path)
        if found is None:
            return status(404, "NotFound", "the server could not find the requested resource")
        return self._resource(request, identity, *found)

    def _review(self, request: Request, identity: Identity) -> Response:
        """Answer `kubectl auth whoami` and `kubectl auth can-i`."""
        asked = _body(request)
        if asked is None:
            return _UNREADABLE
        if request.path.endswith("/selfsubjectreviews"):
            user = {
                "username": identity.name,
                "uid": identity.uid,
                "groups": list(identity.groups),
                "extra": {"oid": [identity.uid]},
            }
            result: dict[str, Any] = {"userInfo": user}
        else:
            spec = asked.get("spec") or {}
            attributes = spec.get("resourceAttributes") or {}
            rule = (attributes.get("verb", ""), attributes.get("resource", ""))
            result = {"allowed": rule not in self._cluster.forbidden}
        return answer(201, {**asked, "status": result})

    def _resource(
        self, request: Request, identity: Identity, resource: Resource, namespace: str, name: str
    ) -> Response:
        # Only "false" and "0" mean no (k8s.io/apimachinery, conversion of strings to bool).
        watching = request.query.get("watch", "false").lower() not in ("false", "0")
        verb = _VERBS.get(request.method, "")
        if verb == "get" and not name:
            verb = "watch" if watching else "list"
        if (verb, resource.name) in self._cluster.forbidden:
            text = f'{resource.name} is forbidden: User "{identity.name}" cannot {verb} resource '
            text += f'"{resource.name}" in API group "{resource.group}"'
            return status(403, "Forbidden", text)
        if verb == "watch":
            return self._watch(request, resource, namespace)
        if verb == "list":
            items = self.store.list(resource, namespace)
            return answer(200, self._show(request, resource, items))
        if verb == "create" and not name:
            return self._create(request, resource, namespace)
        if name and verb in ("get", "update", "patch", "delete"):
            return self._one(request, verb, resource, namespace, name)
        return status(405, "MethodNotAllowed", "the method is not allowed here")

    def _one(
        self, request: Request, verb: str, resource: Resource, namespace: str, name: str
    ) -> Response:
        item = self.store.get(resource, namespace, name)
        # Only server-side apply creates what it patches ("Server-Side Apply").
        applies = request.headers.get("content-type", "").startswith("application/apply-patch")
        if item is None and not applies:
            return status(404, "NotFound", f'{resource.name} "{name}" not found')
        if verb == "get" and item is not None:
            shown = self._show(request, resource, [item])
            return answer(200, shown if shown["kind"] == "Table" else item)
        if verb == "delete":
            self.store.delete(resource, namespace, name)
            done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
            return answer(200, done)
        body = _body(request)
        if body is None:
            return _UNREADABLE
        changed = body if verb == "update" else merge(item or {}, body)
        changed["metadata"] = {**changed.get("metadata", {}), "name": name}
        if "dryRun" not in request.query:
            changed = self.store.put(resource, namespace, changed)
        return answer(200 if item else 201, changed)

    def _create(self, request: Request, resource: Resource, namespace: str) -> Response:
        item = _body(request)
        if item is None:
            return _UNREADABLE
        metadata = item.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if not isinstance(name, str) or not name:
            return status(422, "Invalid", "metadata.name is required")
        if self.store.get(resource, namespace, name) is not None:
            return status(409, "AlreadyExists", f'{resource.name} "{name}" already exists')
        if "dryRun" not in request.query:
            item = self.store.put(resource, namespace, item)
        return answer(201, item)

    def _show(self, request: Request, resource: Resource, items: list[Object]) -> dict[str, Any]:
        if "as=Table" in request.headers.get("accept", ""):
            return table(resource, items, self.store.version, self._clock.now())
        return collection(resource, items, self.store.version)

    def _watch(self, request: Request, resource: Resource, namespace: str) -> Response:
        since = request.query.get("resourceVersion", "")
        number = int(since) if since.isdecimal() else 0
        asked = request.query.get("timeoutSeconds", "")
        seconds = float(asked) if asked.isdecimal() else _LONGEST_WATCH

        def parts() -> Iterator[bytes]:
            for event, item in self.store.watch(resource, namespace, number, seconds):
                shown = self._show(request, resource, [item])
                value = shown if shown["kind"] == "Table" else item
                yield json.dumps({"type": event, "object": value}).encode() + b"\n"

        return Response(200, headers={"Content-Type": "application/json"}, stream=parts())


_UNREADABLE = status(415, "UnsupportedMediaType", "the body is no object known here")


def _body(request: Request) -> Object | None:
    """Return the object that a request carries, or None."""
    if request.headers.get("content-type") == "application/vnd.kubernetes.protobuf":
        try:
            return read(request.body)
        except ValueError:
            return None
    value = request.json()
    return value if isinstance(value, dict) else None


def _locate(path: str) -> tuple[Resource, str, str] | None:
    """Return resource, namespace and name of an address, or None; both may be empty."""
    words = path.strip("/").split("/")
    if words[:2] == ["api", "v1"]:
        group, rest = "", words[2:]
    elif len(words) > 2 and words[0] == "apis" and words[2] == "v1":
        group, rest = words[1], words[3:]
    else:
        return None
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    for resource in RESOURCES:
        if resource.group == group and rest and rest[0] == resource.name and len(rest) <= 2:
            return resource, namespace, rest[1] if len(rest) == 2 else ""
    return None
