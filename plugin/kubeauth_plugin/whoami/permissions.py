"""Ask an API server what a token's bearer may do.

Source: Kubernetes, "Checking API access" (SelfSubjectAccessReview, SelfSubjectRulesReview).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kubeauth.kubeconfig.entry import Cluster
from kubeauth_plugin.whoami.api_server import post

__all__ = ["Access", "Permissions", "access", "permissions"]

_GROUP: Final = "authorization.k8s.io/v1"
# Everybody who is signed in may ask about themselves.
_FOR_EVERYBODY: Final = "selfsubject"


@dataclass(frozen=True, slots=True)
class Access:
    """Whether something is allowed, and the reason if the server gives one."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a user may do something with in a namespace, as "pods".

    An authorizer that only answers questions (Azure RBAC is one) makes them not ``complete``.
    """

    rules: tuple[str, ...]
    complete: bool


def access(
    cluster: Cluster,
    token: str,
    environ: Mapping[str, str],
    verb: str,
    resource: str,
    namespace: str,
) -> Access | None:
    """Ask whether the bearer may do this, "" for all namespaces; None without an answer."""
    attributes = {"verb": verb, "resource": resource, "namespace": namespace}
    status = _asked(cluster, token, environ, "Access", {"resourceAttributes": attributes})
    if status is None or not isinstance(status.get("allowed"), bool):
        return None
    return Access(status["allowed"], str(status.get("reason") or ""))


def permissions(
    cluster: Cluster, token: str, environ: Mapping[str, str], namespace: str
) -> Permissions | None:
    """Ask what the bearer may do in a namespace; None without an answer."""
    status = _asked(cluster, token, environ, "Rules", {"namespace": namespace})
    if status is None:
        return None
    rules = status.get("resourceRules")
    found = [text for rule in (rules if isinstance(rules, list) else ()) if (text := _text(rule))]
    return Permissions(tuple(dict.fromkeys(found)), not status.get("incomplete"))


def _asked(
    cluster: Cluster, token: str, environ: Mapping[str, str], kind: str, spec: Mapping[str, Any]
) -> dict[str, Any] | None:
    name = f"SelfSubject{kind}Review"
    path = f"/apis/{_GROUP}/{name.lower()}s"
    content = post(
        cluster, token, environ, path, {"apiVersion": _GROUP, "kind": name, "spec": spec}
    )
    status = content.get("status") if isinstance(content, dict) else None
    return status if isinstance(status, dict) else None


def _text(rule: object) -> str:
    if not isinstance(rule, dict):
        return ""
    names = [each for each in _words(rule, "resources") if not each.startswith(_FOR_EVERYBODY)]
    return ", ".join(names)


def _words(rule: Mapping[str, Any], name: str) -> Sequence[str]:
    found = rule.get(name)
    return [str(each) for each in found] if isinstance(found, list) else []
