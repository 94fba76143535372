"""Requests for objects: list, watch, read, create, change and delete them (API concepts)."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.bodies import Answered, body_of, patched
from kubeauth.testing.apiserver.forms import wanted
from kubeauth.testing.apiserver.objects.resources import NAMESPACES, RESOURCES
from kubeauth.testing.apiserver.objects.selectors import Selection, Unreadable
from kubeauth.testing.apiserver.objects.watches import watch
from kubeauth.testing.apiserver.options import deletion, is_dry_run, page
from kubeauth.testing.apiserver.subresources import CONNECTIONS, changed_part, connection, part_of
from kubeauth.testing.apiserver.views import answer
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeauth.testing.apiserver.addresses import Target
    from kubeauth.testing.apiserver.forms import Form
    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.store import Store
    from kubeauth.testing.wire.clock import Clock
    from kubeauth.testing.wire.http import Request

__all__ = ["ObjectRequest"]

# Namespaces that every cluster has and keeps.
_LASTING = ("default", "kube-public", "kube-system")


class ObjectRequest:
    """One request for the objects that `target` names, of a user who may make it."""

    def __init__(self, request: Request, target: Target, store: Store, clock: Clock) -> None:
        self._request = request
        self._store = store
        self._clock = clock
        self._part = target.part
        self._verb = target.verb
        self._resource = target.resource
        self._namespace = target.namespace
        self._name = target.name

    def response(self) -> Response:
        """Return the answer, in the form that the client wants."""
        form = None
        try:
            form = wanted(self._request)
            shown = self._part_response() if self._part else self._object_response(form)
        except Answered as refused:
            shown = refused.response
        if form is None or not shown.headers:
            return shown
        # Each JSON document is a YAML document.
        return replace(shown, headers={**shown.headers, "Content-Type": form.media})

    def _object_response(self, form: Form) -> Response:
        try:
            selection = Selection(self._resource.name, self._request.query)
        except Unreadable as error:
            return failures.bad_request(str(error))
        if self._verb == "watch":
            return self._watched(form, selection)
        if self._verb == "list":
            return self._listed(form, selection)
        if self._verb not in self._resource.verbs:
            return failures.not_allowed()
        if self._verb == "deletecollection":
            return self._all_deleted(form, selection)
        is_placed = bool(self._namespace) or not self._resource.namespaced
        if not is_placed or (self._verb == "create") == bool(self._name):
            return failures.not_allowed()
        return self._created() if self._verb == "create" else self._one(form)

    def _selected(self, selection: Selection) -> list[Object]:
        return [
            item for item in self._store.list(self._resource, self._namespace) if selection(item)
        ]

    def _listed(self, form: Form, selection: Selection) -> Response:
        metadata: dict[str, Any] = {"resourceVersion": self._store.version}
        items = page(self._request, self._selected(selection), metadata)
        return answer(200, form.whole(self._resource, items, metadata, self._clock.now()))

    def _watched(self, form: Form, selection: Selection) -> Response:
        store, resource, query = self._store, self._resource, self._request.query

        def parts() -> Iterator[bytes]:
            told: dict[str, Any] = {}
            for event, item in watch(store, resource, self._namespace, selection, query):
                bookmark = event == "BOOKMARK"
                value = item if bookmark else form.single(resource, item, self._clock.now())
                yield json.dumps({"type": event, "object": {**value, **told}}).encode() + b"\n"
                if form.shape == "Table":
                    told = {"columnDefinitions": None}

        return Response(200, headers={"Content-Type": "application/json"}, stream=parts())

    def _all_deleted(self, form: Form, selection: Selection) -> Response:
        how, items = deletion(self._request), self._selected(selection)
        for item in items if not how.is_dry_run else []:
            self._delete(item)
        metadata: dict[str, Any] = {"resourceVersion": self._store.version}
        return answer(200, form.whole(self._resource, items, metadata, self._clock.now()))

    def _one(self, form: Form) -> Response:
        item = self._store.get(self._resource, self._namespace, self._name)
        media = self._request.headers.get("content-type", "")
        # Only server-side apply creates what it patches ("Server-Side Apply").
        applies = self._verb == "patch" and media.startswith("application/apply-patch")
        if item is None and not applies:
            return failures.missing(self._resource, self._name)
        if self._verb == "get" and item is not None:
            return answer(200, form.single(self._resource, item, self._clock.now()))
        if self._verb == "delete" and item is not None:
            return self._deleted(item)
        changed = self._changed(self._resource.kind, item)
        metadata = changed.get("metadata") or {}
        if metadata.get("name", self._name) != self._name:
            text = f"the name of the object ({metadata['name']}) does not match the name on the URL"
            return failures.bad_request(f"{text} ({self._name})")
        newest = item["metadata"]["resourceVersion"] if item else ""
        if metadata.get("resourceVersion", newest) != newest:
            return failures.conflict(self._resource, self._name)
        changed["metadata"] = {**metadata, "name": self._name}
        return answer(200 if item else 201, self._stored(changed))

    def _part_response(self) -> Response:
        if not self._verb:
            return failures.not_allowed()
        item = self._store.get(self._resource, self._namespace, self._name)
        if item is None:
            return failures.missing(self._resource, self._name)
        if self._part in CONNECTIONS:
            return connection(self._part, self._verb, self._name)
        shown = part_of(item, self._part)
        if self._verb == "get":
            return answer(200, shown)
        if self._verb not in ("update", "patch"):
            return failures.not_allowed()
        try:
            item = changed_part(item, self._part, self._changed(shown["kind"], shown))
        except ValueError as error:
            raise Answered(failures.bad_request(str(error))) from error
        return answer(200, part_of(self._stored(item), self._part))

    def _changed(self, kind: str, item: Object | None) -> Object:
        """Return an object with the change of the request's body; raises `Answered`."""
        if self._verb == "update":
            return body_of(self._request, kind)
        return patched(self._request, item)

    def _deleted(self, item: Object) -> Response:
        name, how = item["metadata"]["name"], deletion(self._request)
        how.check(self._resource, item)
        if self._resource is NAMESPACES and name in _LASTING:
            return failures.protected(self._resource, name)
        if not how.is_dry_run:
            self._delete(item)
        if self._resource is NAMESPACES:
            item = {**item, "status": {"phase": "Terminating"}}
        if self._resource.shows_deleted or how.shows_object:
            return answer(200, item)
        done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        gone = {**failures.details_of(self._resource, name), "uid": item["metadata"]["uid"]}
        return answer(200, {**done, "details": gone})

    def _delete(self, item: Object) -> None:
        metadata = item["metadata"]
        self._store.delete(self._resource, metadata.get("namespace", ""), metadata["name"])

    def _created(self) -> Response:
        item = body_of(self._request, self._resource.kind)
        metadata = item.get("metadata")
        metadata = dict(metadata) if isinstance(metadata, dict) else {}
        if (
            self._resource.namespaced
            and metadata.get("namespace", self._namespace) != self._namespace
        ):
            text = "the namespace of the provided object does not match the namespace sent on the"
            return failures.bad_request(f"{text} request")
        if metadata.get("generateName") and not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + secrets.token_hex(3)[:5]
        name = metadata.get("name")
        if not isinstance(name, str) or not name:
            why = "name or generateName is required"
            return failures.required(
                self._resource.kind, "metadata.name", why, self._resource.group
            )
        if why := self._resource.why_bad(name):
            return failures.invalid_name(self._resource, name, why)
        if self._namespace and self._store.get(NAMESPACES, "", self._namespace) is None:
            return failures.missing(NAMESPACES, self._namespace)
        if self._store.get(self._resource, self._namespace, name) is not None:
            return failures.exists(self._resource, name)
        if self._resource is NAMESPACES:
            self._empty(name)
        return answer(201, self._stored({**item, "metadata": metadata}))

    def _empty(self, namespace: str) -> None:
        """Remove what an earlier namespace of this name has left.

        Until then its objects stay, so that `kubectl delete -k` finds each that it deletes.
        """
        for kind in (one for one in RESOURCES if one.namespaced):
            for item in self._store.list(kind, namespace):
                self._store.delete(kind, namespace, item["metadata"]["name"])

    def _stored(self, item: Object) -> Object:
        """Store an object, unless this is a dry run, and return it as stored."""
        store = self._store.prepared if is_dry_run(self._request) else self._store.put
        return store(self._resource, self._namespace, item)
