"""The API server: check the token, then answer kubectl's request (Kubernetes API concepts)."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.auth import Admission, Identity, Refused
from kubeauth.testing.apiserver.bodies import Answered, body_of, patched
from kubeauth.testing.apiserver.objects.resources import GROUPS, RESOURCES
from kubeauth.testing.apiserver.objects.scale import SCALABLE, scale_of, scaled
from kubeauth.testing.apiserver.objects.selectors import Selection, Unreadable
from kubeauth.testing.apiserver.objects.store import Store
from kubeauth.testing.apiserver.reviews import REVIEWS, review
from kubeauth.testing.apiserver.tables import table
from kubeauth.testing.apiserver.views import answer, collection, discovery, openapi
from kubeauth.testing.apiserver.watches import is_watch, watch
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource
    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

_OPEN_PATHS = ("/healthz", "/livez", "/readyz")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


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
            return failures.status(401, "Unauthorized", "Unauthorized")
        if request.path in _OPEN_PATHS:
            return Response(200, b"ok", {"Content-Type": "text/plain"})
        document = discovery(request.path.rstrip("/"), self.version, self._cluster.server)
        document = document or openapi(request.path)
        if document is not None and request.method == "GET":
            return answer(200, document)
        words = request.path.strip("/").split("/")
        if len(words) == 4 and REVIEWS.get(words[3], ("",))[0] == words[1]:
            return self._review(request, identity, words[3])
        is_scale = words[-1] == "scale"
        found = _locate(words[:-1] if is_scale else words)
        if is_scale and (found is None or found[0].name not in SCALABLE or not found[2]):
            found = None
        if found is None:
            known = words[:2] == ["api", "v1"] or (words[0] == "apis" and words[1] in GROUPS)
            return failures.no_such_resource() if known else failures.no_such_path()
        try:
            if is_scale:
                return self._scale(request, identity, *found)
            return self._resource(request, identity, *found)
        except Answered as refused:
            return refused.response

    def _review(self, request: Request, identity: Identity, name: str) -> Response:
        """Answer `kubectl auth whoami` and `kubectl auth can-i`."""
        if request.method != "POST":
            return failures.not_allowed()
        try:
            asked = body_of(request, REVIEWS[name][1])
        except Answered as refused:
            return refused.response
        done = review(name, asked, identity, self._cluster.forbidden)
        return done if isinstance(done, Response) else answer(201, done)

    def _resource(
        self, request: Request, identity: Identity, resource: Resource, namespace: str, name: str
    ) -> Response:
        verb = _verb(request, name)
        if (verb, resource.name) in self._cluster.forbidden:
            return failures.forbidden(resource, namespace, name, identity.name, verb)
        try:
            selection = Selection(resource.name, request.query)
        except Unreadable as error:
            return failures.bad_request(str(error))
        if verb == "watch":
            return self._watch(request, resource, namespace, selection)
        if verb in ("list", "deletecollection"):
            items = [item for item in self.store.list(resource, namespace) if selection(item)]
            if verb == "deletecollection":
                for item in items:
                    self._delete(resource, item)
            return answer(200, self._show(request, resource, items, whole=True))
        placed = bool(namespace) or not resource.namespaced
        if verb == "create" and not name and placed:
            return self._create(request, resource, namespace)
        if name and placed and verb in ("get", "update", "patch", "delete"):
            return self._one(request, verb, resource, namespace, name)
        return failures.not_allowed()

    def _one(
        self, request: Request, verb: str, resource: Resource, namespace: str, name: str
    ) -> Response:
        item = self.store.get(resource, namespace, name)
        # Only server-side apply creates what it patches ("Server-Side Apply").
        applies = request.headers.get("content-type", "").startswith("application/apply-patch")
        if item is None and not applies:
            return failures.missing(resource, name)
        if verb == "get" and item is not None:
            shown = self._show(request, resource, [item])
            return answer(200, shown if shown["kind"] == "Table" else item)
        if verb == "delete" and item is not None:
            return self._deleted(request, resource, item)
        changed = body_of(request, resource.kind) if verb == "update" else patched(request, item)
        metadata = changed.get("metadata") or {}
        if metadata.get("name", name) != name:
            text = f"the name of the object ({metadata['name']}) does not match the name on the URL"
            return failures.bad_request(f"{text} ({name})")
        newest = item["metadata"]["resourceVersion"] if item else ""
        if metadata.get("resourceVersion", newest) != newest:
            return failures.conflict(resource, name)
        changed["metadata"] = {**metadata, "name": name}
        return self._keep(request, resource, namespace, changed, 200 if item else 201)

    def _scale(
        self, request: Request, identity: Identity, resource: Resource, namespace: str, name: str
    ) -> Response:
        verb = _verb(request, name)
        if (verb, f"{resource.name}/scale") in self._cluster.forbidden:
            part = replace(resource, name=f"{resource.name}/scale")
            return failures.forbidden(part, namespace, name, identity.name, verb)
        item = self.store.get(resource, namespace, name)
        if item is None:
            return failures.missing(resource, name)
        if verb == "get":
            return answer(200, scale_of(item))
        if verb not in ("update", "patch"):
            return failures.not_allowed()
        scale = scale_of(item)
        changed = body_of(request, "Scale") if verb == "update" else patched(request, scale)
        try:
            item = scaled(item, changed)
        except ValueError as error:
            raise Answered(failures.bad_request(str(error))) from error
        store = self.store.prepared if "dryRun" in request.query else self.store.put
        return answer(200, scale_of(store(resource, namespace, item)))

    def _deleted(self, request: Request, resource: Resource, item: Object) -> Response:
        name = item["metadata"]["name"]
        if "dryRun" not in request.query:
            self._delete(resource, item)
        if resource.name == "namespaces":
            item = {**item, "status": {"phase": "Terminating"}}
        if resource.shows_deleted:
            return answer(200, item)
        done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        gone = {**failures.details_of(resource, name), "uid": item["metadata"]["uid"]}
        return answer(200, {**done, "details": gone})

    def _delete(self, resource: Resource, item: Object) -> None:
        metadata = item["metadata"]
        self.store.delete(resource, metadata.get("namespace", ""), metadata["name"])

    def _create(self, request: Request, resource: Resource, namespace: str) -> Response:
        item = body_of(request, resource.kind)
        metadata = item.get("metadata")
        metadata = dict(metadata) if isinstance(metadata, dict) else {}
        if resource.namespaced and metadata.get("namespace", namespace) != namespace:
            text = "the namespace of the provided object does not match the namespace sent on the"
            return failures.bad_request(f"{text} request")
        if metadata.get("generateName") and not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + secrets.token_hex(3)[:5]
        name = metadata.get("name")
        if not isinstance(name, str) or not name:
            why = "name or generateName is required"
            return failures.required(resource.kind, "metadata.name", why, resource.group)
        spaces = next(one for one in RESOURCES if one.name == "namespaces")
        if namespace and self.store.get(spaces, "", namespace) is None:
            return failures.missing(spaces, namespace)
        if self.store.get(resource, namespace, name) is not None:
            return failures.exists(resource, name)
        if resource.name == "namespaces":
            self._empty(name)
        return self._keep(request, resource, namespace, {**item, "metadata": metadata}, 201)

    def _empty(self, namespace: str) -> None:
        """Remove what an earlier namespace of this name has left.

        Until then its objects stay, so that `kubectl delete -k` finds each that it deletes.
        """
        for kind in (one for one in RESOURCES if one.namespaced):
            for item in self.store.list(kind, namespace):
                self.store.delete(kind, namespace, item["metadata"]["name"])

    def _keep(
        self, request: Request, resource: Resource, namespace: str, item: Object, code: int
    ) -> Response:
        store = self.store.prepared if "dryRun" in request.query else self.store.put
        return answer(code, store(resource, namespace, item))

    def _show(
        self, request: Request, resource: Resource, items: list[Object], *, whole: bool = False
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {"resourceVersion": self.store.version}
        if whole:
            items = _page(request, items, metadata)
        if "as=Table" in request.headers.get("accept", ""):
            shown = table(resource, items, self.store.version, self._clock.now())
            return {**shown, "metadata": metadata}
        return collection(resource, items, metadata)

    def _watch(
        self, request: Request, resource: Resource, namespace: str, selection: Selection
    ) -> Response:
        def parts() -> Iterator[bytes]:
            for event, item in watch(self.store, resource, namespace, selection, request.query):
                shown = self._show(request, resource, [item])
                value = shown if shown["kind"] == "Table" else item
                yield json.dumps({"type": event, "object": value}).encode() + b"\n"

        return Response(200, headers={"Content-Type": "application/json"}, stream=parts())


def _verb(request: Request, name: str) -> str:
    verb = _VERBS.get(request.method, "")
    if verb == "get" and not name:
        return "watch" if is_watch(request.query) else "list"
    return "deletecollection" if verb == "delete" and not name else verb


def _page(request: Request, items: list[Object], metadata: dict[str, Any]) -> list[Object]:
    """Return the part of a list that was asked for; `metadata` says how to get the rest."""
    limit, start = request.query.get("limit", ""), request.query.get("continue", "")
    first = int(start) if start.isdecimal() else 0
    last = first + int(limit) if limit.isdecimal() and int(limit) else len(items)
    if last < len(items):
        metadata |= {"continue": str(last), "remainingItemCount": len(items) - last}
    return items[first:last]


def _locate(words: list[str]) -> tuple[Resource, str, str] | None:
    """Return resource, namespace and name of an address, or None; both may be empty."""
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
