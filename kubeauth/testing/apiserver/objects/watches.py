"""Watches: objects and their changes as events ("Efficient detection of changes").

Sources: Kubernetes API concepts; for lists that come as events, "Streaming lists".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource
    from kubeauth.testing.apiserver.objects.selectors import Selection
    from kubeauth.testing.apiserver.objects.store import Change, Store

__all__ = ["is_watch", "watch"]

_LONGEST = 300.0


def is_watch(query: Mapping[str, str]) -> bool:
    """Return whether a request for objects is a watch."""
    return _is_true(query.get("watch", "false"))


def _is_true(text: str) -> bool:
    """Return whether a parameter means yes: all do but "false" and "0" (k8s.io/apimachinery)."""
    return text.lower() not in ("false", "0")


def watch(
    store: Store,
    resource: Resource,
    namespace: str,
    selection: Selection,
    query: Mapping[str, str],
) -> Iterator[tuple[str, Object]]:
    """Yield events, each the name of what happened and an object.

    A client that asks for `sendInitialEvents` waits for the bookmark that ends them, as
    `kubectl wait` of 1.37 does.
    """
    since = query.get("resourceVersion", "")
    asked = query.get("timeoutSeconds", "")
    number = int(since) if since.isdecimal() else 0
    streams_list = _is_true(query.get("sendInitialEvents", "false"))
    if streams_list or number == 0:
        present, number = store.present(resource, namespace)
        yield from (("ADDED", item) for item in present if selection(item))
    if streams_list:
        yield "BOOKMARK", _end_of_list(resource, number)
    seconds = float(asked) if asked.isdecimal() else _LONGEST
    for change in store.changes(resource, namespace, number, seconds):
        event = _event(change, selection)
        if event:
            yield event, change.object


def _event(change: Change, selection: Selection) -> str:
    """Return the type of the event for a watch that selects objects; "" for no event."""
    was = change.before is not None and selection(change.before)
    is_now = not change.is_deleted and selection(change.object)
    names = {(False, True): "ADDED", (True, True): "MODIFIED", (True, False): "DELETED"}
    return names.get((was, is_now), "")


def _end_of_list(resource: Resource, number: int) -> Object:
    annotations = {"k8s.io/initial-events-end": "true"}
    metadata = {"resourceVersion": str(number), "annotations": annotations}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
