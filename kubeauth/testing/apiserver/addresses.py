"""What an address of the API server names (Kubernetes API concepts, "Resource URIs")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubeauth.testing.apiserver.objects.resources import GROUPS, RESOURCES
from kubeauth.testing.apiserver.objects.watches import is_watch
from kubeauth.testing.apiserver.subresources import PARTS

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.resources import Resource
    from kubeauth.testing.wire.http import Request

__all__ = ["Target", "is_of_known_group", "locate"]

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for. Namespace and name may be empty, and `part` is, but for status etc.

    `verb` is in the words of authorization (get, list, watch, create, …), "" for unknown methods.
    """

    verb: str
    resource: Resource
    namespace: str
    name: str
    part: str = ""

    @property
    def checked(self) -> Resource:
        """The resource as authorization knows it, such as deployments/scale."""
        if not self.part:
            return self.resource
        return replace(self.resource, name=f"{self.resource.name}/{self.part}")


def locate(request: Request) -> Target | None:
    """Return what a request is for, or None where nothing is."""
    words = request.path.strip("/").split("/")
    found, part = _object(words), ""
    if found is None and (owner := _object(words[:-1])) and owner[2]:
        part = words[-1]
        found = owner if owner[0].name in PARTS.get(part, ()) else None
    return Target(_verb(request, found[2]), *found, part) if found else None


def is_of_known_group(path: str) -> bool:
    """Return whether an address that leads nowhere begins as the API groups here do."""
    first, *rest = path.strip("/").split("/")
    return first == "api" or (first == "apis" and rest[:1] != [] and rest[0] in GROUPS)


def _verb(request: Request, name: str) -> str:
    verb = _VERBS.get(request.method, "")
    if verb == "get" and not name:
        return "watch" if is_watch(request.query) else "list"
    return "deletecollection" if verb == "delete" and not name else verb


def _object(words: list[str]) -> tuple[Resource, str, str] | None:
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
