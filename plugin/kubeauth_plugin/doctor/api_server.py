"""The API server's answer: reached or not, 401 and its cause, 403 and the role that would help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kubeauth.adapters.unreachable import unreachable
from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import KubeauthError
from kubeauth_plugin.doctor.entra import new_token
from kubeauth_plugin.doctor.finding import Finding, Scene
from kubeauth_plugin.doctor.network import clock_finding, signer
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.whoami.api_server import Review, may_list_pods, review
from kubeauth_plugin.whoami.facts import facts_of

if TYPE_CHECKING:
    from kubeauth.adapters.request_failed import RequestFailed
    from kubeauth.kubeconfig.entry import Cluster
    from kubeauth_plugin.whoami.target import Target

__all__ = ["check"]

_SUBJECT = "API server"


def check(scene: Scene) -> Iterator[Finding]:
    """Ask the API server who the token makes you; without a token, only whether it answers."""
    target = scene.target
    if target is None or target.cluster is None:
        return
    cluster = target.cluster
    try:
        found = review(cluster, scene.token or "none", target.environ)
    except KubeauthError as error:
        yield Finding(_SUBJECT, str(error), error.hint)
        return
    if found.failure is not None:
        yield _unreached(cluster, found.failure)
        return
    if not found.is_kubernetes:
        problem = f"what answers at {cluster.server} is no API server: a proxy or a captive portal"
        line = f"export NO_PROXY={urlsplit(cluster.server).hostname}"
        yield Finding(_SUBJECT, f"{problem} (HTTP {found.status})", line)
        return
    if not scene.authority_answered:
        from kubeauth.system import System

        yield from clock_finding(found.date, System().now())
    if scene.token:
        yield from _judged(scene, target, cluster, found)


def _unreached(cluster: Cluster, failure: RequestFailed) -> Finding:
    error = unreachable(_SUBJECT, failure)
    text = str(error).removeprefix(f"{_SUBJECT}: ") + signer(cluster.server, failure)
    if failure.kind == "tls" or "certificate-authority-data" in text:
        line = "kubeauth get-credentials -g GROUP -n CLUSTER --overwrite-existing"
        return Finding(_SUBJECT, text, line)
    if failure.kind == "proxy":
        return Finding(_SUBJECT, text, error.hint)
    # Whether the cluster is stopped or private.
    line = "kubeauth clusters" if _is_aks(cluster) else "ask the cluster's owner whether it runs"
    return Finding(_SUBJECT, f"{text}; it may be stopped, private, or behind a VPN", line)


def _is_aks(cluster: Cluster) -> bool:
    return (urlsplit(cluster.server).hostname or "").endswith(".azmk8s.io")


def _judged(scene: Scene, target: Target, cluster: Cluster, found: Review) -> Iterator[Finding]:
    if found.status == 401:
        yield _unauthorized(scene, target, cluster)
    elif found.user:
        scene.seen.append((_SUBJECT, f"{found.user}, {len(found.groups)} groups"))
        if may_list_pods(cluster, scene.token, target.environ) is False:
            yield _forbidden(scene, found, cluster)
    else:
        problem = f"it answers {found.message or f'HTTP {found.status}'}"
        yield Finding(_SUBJECT, problem, "kubectl get --raw /livez")


def _unauthorized(scene: Scene, target: Target, cluster: Cluster) -> Finding:
    """Return the most certain cause of a 401."""
    facts = facts_of(scene.token)
    subject = f"{_SUBJECT}: 401"
    if facts.overage and facts.kind == "application":
        problem = "the application is in more than 200 groups, which AKS refuses"
        line = f"az ad sp show --id {facts.application}, then remove it from groups"
        return Finding(subject, problem, line)
    if facts.version == "2.0":
        problem = "the token has version 2 (its issuer ends in /v2.0); the server wants version 1"
        line = f"az ad app update --id {facts.audience} --set api.requestedAccessTokenVersion=1"
        return Finding(subject, problem, line)
    if not scene.fresh_token and _works_anew(target, cluster):
        file = ["--kubeconfig", scene.kubeconfig] if scene.kubeconfig else []
        line = quoted(["kubeauth", "logout", *file, "--context", scene.context])
        return Finding(subject, "the cached token was revoked; a new one is accepted", line)
    if facts.audience.removeprefix("spn:") != AKS_SERVER_ID:
        problem = f"the token is for {facts.audience}; the server may want another server id"
        return Finding(subject, problem, scene.convert("--server-id", AKS_SERVER_ID))
    problem = f"the token is of tenant {facts.tenant}; the cluster trusts another one"
    return Finding(subject, problem, scene.convert("--tenant-id", "TENANT-ID"))


def _works_anew(target: Target, cluster: Cluster) -> bool:
    try:
        return bool(review(cluster, new_token(target), target.environ).user)
    except KubeauthError:
        return False


def _forbidden(scene: Scene, found: Review, cluster: Cluster) -> Finding:
    """Return which role would help the user that the server saw."""
    groups = [group for group in found.groups if not group.startswith("system:")]
    problem = f"{found.user} may not list pods; groups: {', '.join(groups[:20]) or 'none'}"
    if facts_of(scene.token).overage:
        problem += " (more than 200, so the token names none)"
    line = ["kubectl", "create", "clusterrolebinding", "NAME", "--clusterrole", "view"]
    if _is_aks(cluster):
        role = "Azure Kubernetes Service RBAC Reader"
        line = ["az", "role", "assignment", "create", "--assignee", found.user, "--role", role]
        return Finding(f"{_SUBJECT}: 403", problem, quoted([*line, "--scope", "CLUSTER-ID"]))
    return Finding(f"{_SUBJECT}: 403", problem, quoted([*line, "--user", found.user]))
