"""The options of a request: dry runs, how to delete, pages of a list (Kubernetes API concepts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.bodies import Answered

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource
    from kubeauth.testing.wire.http import Request

__all__ = ["Deletion", "deletion", "is_dry_run", "page"]

_OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_POLICIES = ("Foreground", "Background", "Orphan")


def is_dry_run(request: Request) -> bool:
    """Return whether nothing shall be stored; raises `Answered` for a value that is unknown."""
    asked = request.query.get("dryRun", "")
    return _is_dry([asked] if asked else [], _OPTIONS[request.method])


def _is_dry(asked: list[str], kind: str) -> bool:
    if asked not in ([], ["All"]):
        shown = " ".join(f'"{one}"' for one in asked)
        raise Answered(failures.unsupported(kind, "dryRun", f"[{shown}]", '"All"'))
    return bool(asked)


@dataclass(frozen=True, slots=True)
class Deletion:
    """How to delete. The answer `shows_object` where dependents decide when the object is gone."""

    is_dry_run: bool
    shows_object: bool
    uid: str

    def check(self, resource: Resource, item: Object) -> None:
        """Raise `Answered` unless this is the object that is meant."""
        metadata = item["metadata"]
        if self.uid and self.uid != metadata["uid"]:
            raise Answered(failures.another_uid(resource, metadata, self.uid))


def deletion(request: Request) -> Deletion:
    """Read the options of a deletion from the body, or from the query if there is no body.

    Raises `Answered` if they are wrong.
    """
    said = request.json()
    options: dict[str, Any] = said if isinstance(said, dict) and said else dict(request.query)
    asked = options.get("dryRun") or []
    is_dry = _is_dry([asked] if isinstance(asked, str) else asked, "DeleteOptions")
    policy = options.get("propagationPolicy") or "Background"
    if policy not in _POLICIES:
        known = ", ".join(f'"{one}"' for one in (*_POLICIES, "nil"))
        text = f'"{policy}"'
        raise Answered(failures.unsupported("DeleteOptions", "propagationPolicy", text, known))
    uid = (options.get("preconditions") or {}).get("uid", "") if options is said else ""
    return Deletion(is_dry, policy != "Background", uid)


def page(request: Request, items: list[Object], metadata: dict[str, Any]) -> list[Object]:
    """Return the part of a list that was asked for; `metadata` says how to get the rest."""
    limit = _number(request, "limit", "strconv.ParseInt")
    start = request.query.get("continue", "")
    if start and not start.isdecimal():
        text = f"invalid continue token: continue key is not valid: {start}"
        raise Answered(failures.bad_request(text))
    _number(request, "resourceVersion", 'resourceVersion: Invalid value: "{}": strconv.ParseUint')
    first = int(start or 0)
    last = first + limit if limit > 0 else len(items)
    if last < len(items):
        metadata |= {"continue": str(last), "remainingItemCount": len(items) - last}
    return items[first:last]


def _number(request: Request, name: str, reader: str) -> int:
    text = request.query.get(name) or "0"
    try:
        return int(text)
    except ValueError:
        about = "invalid resource version: " if name == "resourceVersion" else ""
        said = f'{about}{reader.format(text)}: parsing "{text}": invalid syntax'
        raise Answered(failures.bad_request(said)) from None
