"""The API server: check the token, then answer kubectl's request (Kubernetes API concepts)."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.auth import Admission, Identity, Refused, impersonated
from kubeauth.testing.apiserver.bodies import Answered, body_of, patched
from kubeauth.testing.apiserver.forms import Form, wanted
from kubeauth.testing.apiserver.objects.resources import GROUPS, RESOURCES, Resource
from kubeauth.testing.apiserver.objects.selectors import Selection, Unreadable
from kubeauth.testing.apiserver.objects.store import Store
from kubeauth.testing.apiserver.options import deletion, is_dry_run, page
from kubeauth.testing.apiserver.reviews import REVIEWS, review
from kubeauth.testing.apiserver.subresources import (
    CONNECTIONS,
    PARTS,
    changed_part,
    connection,
    part_of,
)
from kubeauth.testing.apiserver.views import answer, discovery, health, is_open, openapi
from kubeauth.testing.apiserver.watches import is_watch, watch
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

# Namespaces that every cluster has and keeps.
_LASTING = ("default", "kube-public", "kube-system")
_USERS = Resource("users", "User")
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
        if not (is_open(request.path) and not authorization):
            try:
                identity = self._admission.identify(authorization)
            except Refused as refusal:
                self._cluster.refusals.append(str(refusal))
                return failures.status(401, "Unauthorized", "Unauthorized")
            return self._admitted(request, identity)
        return health(request.path, request.query) or failures.no_such_path()

    def _admitted(self, request: Request, identity: Identity) -> Response:
        """Answer a request of a user; `kubectl --as` acts for another one."""
        user = impersonated(identity, request.headers)
        if user is not identity and ("impersonate", "users") in self._cluster.forbidden:
            return failures.forbidden(_USERS, "", user.name, identity.name, "impersonate")
        healthy = health(request.path, request.query)
        if healthy is not None:
            return healthy
        document = discovery(request.path.rstrip("/"), self.version, self._cluster.server)
        document = document or openapi(request.path)
        if document is not None:
            return answer(200, document) if request.method == "GET" else failures.not_allowed()
        words = request.path.strip("/").split("/")
        if len(words) == 4 and REVIEWS.get(words[3], ("",))[0] == words[1]:
            return self._review(request, user, words[3])
        found, part = _locate(words), ""
        if found is None and (owner := _locate(words[:-1])) and owner[2]:
            part = words[-1]
            found = owner if owner[0].name in PARTS.get(part, ()) else None
        if found is None:
            known = words[0] == "api" or (words[0] == "apis" and words[1] in GROUPS)
            return failures.no_such_resource() if known else failures.no_such_path()
        try:
            if part:
                return self._part(request, user, part, *found)
            form = wanted(request)
            shown = self._resource(request, form, user, *found)
        except Answered as refused:
            return refused.response
        # Each JSON document is a YAML document.
        return replace(shown, headers={**shown.headers, "Content-Type": form.media})

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
        self,
        request: Request,
        form: Form,
        identity: Identity,
        resource: Resource,
        namespace: str,
        name: str,
    ) -> Response:
        verb = _verb(request, name)
        if (verb, resource.name) in self._cluster.forbidden:
            return failures.forbidden(resource, namespace, name, identity.name, verb)
        try:
            selection = Selection(resource.name, request.query)
        except Unreadable as error:
            return failures.bad_request(str(error))
        if verb == "watch":
            return self._watch(request, form, resource, namespace, selection)
        if verb == "list":
            return self._list(request, form, resource, namespace, selection)
        if verb not in resource.verbs:
            return failures.not_allowed()
        if verb == "deletecollection":
            return self._delete_all(request, form, resource, namespace, selection)
        placed = bool(namespace) or not resource.namespaced
        if verb == "create" and not name and placed:
            return self._create(request, resource, namespace)
        if name and placed and verb in ("get", "update", "patch", "delete"):
            return self._one(request, form, verb, resource, namespace, name)
        return failures.not_allowed()

    def _list(
        self,
        request: Request,
        form: Form,
        resource: Resource,
        namespace: str,
        selection: Selection,
    ) -> Response:
        items = [item for item in self.store.list(resource, namespace) if selection(item)]
        metadata: dict[str, Any] = {"resourceVersion": self.store.version}
        items = page(request, items, metadata)
        return answer(200, form.whole(resource, items, metadata, self._clock.now()))

    def _delete_all(
        self,
        request: Request,
        form: Form,
        resource: Resource,
        namespace: str,
        selection: Selection,
    ) -> Response:
        how = deletion(request)
        items = [item for item in self.store.list(resource, namespace) if selection(item)]
        for item in items if not how.is_dry_run else []:
            self._delete(resource, item)
        metadata: dict[str, Any] = {"resourceVersion": self.store.version}
        return answer(200, form.whole(resource, items, metadata, self._clock.now()))

    def _one(
        self,
        request: Request,
        form: Form,
        verb: str,
        resource: Resource,
        namespace: str,
        name: str,
    ) -> Response:
        item = self.store.get(resource, namespace, name)
        # Only server-side apply creates what it patches ("Server-Side Apply").
        applies = request.headers.get("content-type", "").startswith("application/apply-patch")
        if item is None and not applies:
            return failures.missing(resource, name)
        if verb == "get" and item is not None:
            return answer(200, form.single(resource, item, self._clock.now()))
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

    def _part(
        self,
        request: Request,
        identity: Identity,
        part: str,
        resource: Resource,
        namespace: str,
        name: str,
    ) -> Response:
        verb = _verb(request, name)
        if (verb, f"{resource.name}/{part}") in self._cluster.forbidden:
            about = replace(resource, name=f"{resource.name}/{part}")
            return failures.forbidden(about, namespace, name, identity.name, verb)
        item = self.store.get(resource, namespace, name)
        if item is None:
            return failures.missing(resource, name)
        if part in CONNECTIONS:
            return connection(part, verb, name)
        shown = part_of(item, part)
        if verb == "get":
            return answer(200, shown)
        if verb not in ("update", "patch"):
            return failures.not_allowed()
        changed = body_of(request, shown["kind"]) if verb == "update" else patched(request, shown)
        try:
            item = changed_part(item, part, changed)
        except ValueError as error:
            raise Answered(failures.bad_request(str(error))) from error
        store = self.store.prepared if is_dry_run(request) else self.store.put
        return answer(200, part_of(store(resource, namespace, item), part))

    def _deleted(self, request: Request, resource: Resource, item: Object) -> Response:
        name, how = item["metadata"]["name"], deletion(request)
        how.check(resource, item)
        if resource.name == "namespaces" and name in _LASTING:
            return failures.protected(resource, name)
        if not how.is_dry_run:
            self._delete(resource, item)
        if resource.name == "namespaces":
            item = {**item, "status": {"phase": "Terminating"}}
        if resource.shows_deleted or how.shows_object:
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
        if why := resource.why_bad(name):
            return failures.invalid_name(resource, name, why)
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
        store = self.store.prepared if is_dry_run(request) else self.store.put
        return answer(code, store(resource, namespace, item))

    def _watch(
        self,
        request: Request,
        form: Form,
        resource: Resource,
        namespace: str,
        selection: Selection,
    ) -> Response:
        def parts() -> Iterator[bytes]:
            told: dict[str, Any] = {}
            for event, item in watch(self.store, resource, namespace, selection, request.query):
                bookmark = event == "BOOKMARK"
                value = item if bookmark else form.single(resource, item, self._clock.now())
                yield json.dumps({"type": event, "object": {**value, **told}}).encode() + b"\n"
                if form.shape == "Table":
                    told = {"columnDefinitions": None}

        return Response(200, headers={"Content-Type": "application/json"}, stream=parts())


def _verb(request: Request, name: str) -> str:
    verb = _VERBS.get(request.method, "")
    if verb == "get" and not name:
        return "watch" if is_watch(request.query) else "list"
    return "deletecollection" if verb == "delete" and not name else verb


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
