"""Label and field selectors (Kubernetes, "Labels and Selectors" and "Field Selectors")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TERM = re.compile(
    r"\s*(?:(?P<absent>!)?\s*(?P<key>[\w./-]+)\s*"
    r"(?:(?P<sign>==|=|!=)\s*(?P<value>[\w.-]*)|(?P<word>in|notin)\s*\((?P<set>[^)]*)\))?)\s*(?:,|$)"
)
_FIELDS = {
    "metadata.name": lambda item: item["metadata"]["name"],
    "metadata.namespace": lambda item: item["metadata"].get("namespace", ""),
}
_MORE_FIELDS: dict[str, dict[str, Callable[[Any], str]]] = {
    "pods": {
        "spec.nodeName": lambda item: item.get("spec", {}).get("nodeName", ""),
        "status.phase": lambda item: item.get("status", {}).get("phase", ""),
    },
    "namespaces": {"status.phase": lambda item: item.get("status", {}).get("phase", "")},
    "nodes": {"spec.unschedulable": lambda item: str(item["spec"].get("unschedulable", False))},
    "events": {
        "involvedObject.apiVersion": lambda item: _about(item).get("apiVersion", ""),
        "involvedObject.kind": lambda item: _about(item).get("kind", ""),
        "involvedObject.namespace": lambda item: _about(item).get("namespace", ""),
        "involvedObject.name": lambda item: _about(item).get("name", ""),
        "involvedObject.uid": lambda item: _about(item).get("uid", ""),
    },
    "secrets": {"type": lambda item: item.get("type", "")},
}


def _about(event: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = event.get("involvedObject") or {}
    return found


_Check = tuple[str, bool, "frozenset[str] | None"]


class Unreadable(ValueError):
    """A selector cannot be read; the text is the answer's message."""


class Selection:
    """The objects that a request selects; raises `Unreadable`."""

    def __init__(self, resource: str, query: Mapping[str, str]) -> None:
        self._labels = _label_checks(query.get("labelSelector", ""))
        self._fields = _field_checks(resource, query.get("fieldSelector", ""))

    def __call__(self, item: dict[str, Any]) -> bool:
        """Return whether an object is selected."""
        labels = item["metadata"].get("labels") or {}
        return all(_holds(check, labels) for check in self._labels) and all(
            (read(item) == value) is wanted for read, value, wanted in self._fields
        )


def _label_checks(text: str) -> list[_Check]:
    checks: list[_Check] = []
    place = 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None or found.end() == place:
            raise Unreadable(f"unable to parse requirement: {text[place:]!r}")
        place = found.end()
        wanted = not (found["absent"] or found["sign"] == "!=" or found["word"] == "notin")
        values = None
        if found["sign"]:
            values = frozenset([found["value"]])
        elif found["word"]:
            values = frozenset(value.strip() for value in found["set"].split(","))
        checks.append((found["key"], wanted, values))
    return checks


def _holds(check: _Check, labels: Mapping[str, str]) -> bool:
    key, wanted, values = check
    # An object without the label passes "!=" and "notin", and fails "=" and "in".
    has = key in labels and (values is None or labels[key] in values)
    return has is wanted


def _field_checks(resource: str, text: str) -> list[tuple[Callable[[Any], str], str, bool]]:
    known = {**_FIELDS, **_MORE_FIELDS.get(resource, {})}
    checks = []
    for term in filter(None, text.split(",")):
        if "=" not in term:
            raise Unreadable(f"invalid selector: '{text}'; can't understand '{term}'")
        name, sign, value = re.split("(!=|==|=)", term, maxsplit=1)
        if name not in known and resource in _MORE_FIELDS:
            raise Unreadable(f"field label not supported: {name}")
        if name not in known:
            names = ", ".join(f'"{one}"' for one in known)
            raise Unreadable(f'"{name}" is not a known field selector: only {names}')
        checks.append((known[name], value, sign != "!="))
    return checks
