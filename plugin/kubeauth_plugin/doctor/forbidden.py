"""A 403: what the user may do in the context's namespace, and the role that would help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from kubeauth.kubeconfig.entry import Cluster
from kubeauth_plugin.doctor.finding import Finding, Scene, ask_az, listed
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.whoami.api_server import Review
from kubeauth_plugin.whoami.facts import facts_of
from kubeauth_plugin.whoami.permissions import access, permissions

__all__ = ["missing_role"]

_SUBJECT: Final = "API server: 403"
# A role that reads what most people look at first, in Kubernetes and in Azure.
_ROLE: Final = "view"
_AZURE_ROLE: Final = "Azure Kubernetes Service RBAC Reader"


def missing_role(scene: Scene, cluster: Cluster, found: Review) -> Iterator[Finding]:
    """Say what the user may not do; the server itself judges, for the context's namespace."""
    token = scene.token
    if token is None:
        return
    environ = scene.target.environ if scene.target else scene.environ
    ask = (cluster, token.presented, environ)
    namespace = scene.namespace or "default"
    pods = access(*ask, "list", "pods", namespace)
    if pods is None:
        return
    if pods.allowed:
        nodes = access(*ask, "list", "nodes", "")
        may = "may list pods" + ("" if nodes is None or nodes.allowed else ", may not list nodes")
        scene.seen.append(("permissions", f"in namespace {namespace}: {may}"))
        return
    user = scene.foreign(found.user)
    known = permissions(*ask, namespace)
    problem = f"{user} may not list pods in namespace {namespace}"
    if known is not None and known.complete:
        rights = f"; it has rights there to {listed(known.rules, 5)}"
        problem += rights if known.rules else ": it has no role there"
    groups = [scene.foreign(group) for group in found.groups if not group.startswith("system:")]
    problem += f"; groups that the server saw: {listed(groups)}"
    if facts_of(token.issued).overage:
        problem += " (more than 200, so the token names none)"
    if "Azure" in pods.reason:
        problem += "; Azure RBAC decides here"
        yield Finding(_SUBJECT, problem, _azure_line(cluster, token.issued, user))
    else:
        yield Finding(_SUBJECT, problem, _kubernetes_line(scene, user))


def _azure_line(cluster: Cluster, token: str, user: str) -> str:
    who = facts_of(token).object_id or user
    return (
        f'az role assignment create --assignee {quoted([who])} --role "{_AZURE_ROLE}" '
        f'--scope "$({ask_az(cluster, "id")})"'
    )


def _kubernetes_line(scene: Scene, user: str) -> str:
    name = re.sub(r"[^a-z0-9.-]+", "-", f"{_ROLE}-{user}".lower()).strip("-.")[:63]
    kind = ["rolebinding", name, "--namespace", scene.namespace]
    if not scene.namespace:
        kind = ["clusterrolebinding", name]
    file = ["--kubeconfig", scene.kubeconfig] if scene.kubeconfig else []
    words = ["kubectl", *file, "create", *kind, f"--clusterrole={_ROLE}", f"--user={user}"]
    return quoted(words)
