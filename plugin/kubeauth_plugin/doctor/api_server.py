"""The API server's answer: reached or not, and what it says of the token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature

from kubeauth.adapters.proxies import find_proxies
from kubeauth.adapters.unreachable import unreachable
from kubeauth.errors import KubeauthError
from kubeauth.system import System
from kubeauth_plugin.doctor.finding import Finding, Scene, aks_cloud, listed
from kubeauth_plugin.doctor.forbidden import missing_role
from kubeauth_plugin.doctor.network import clock_finding, presented_certificate
from kubeauth_plugin.doctor.unauthorized import cause_of_401
from kubeauth_plugin.whoami.api_server import Review, review

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from kubeauth.adapters.request_failed import RequestFailed
    from kubeauth.kubeconfig.entry import Cluster

__all__ = ["check"]

_SUBJECT: Final = "API server"
_ANONYMOUS: Final = "system:anonymous"


def check(scene: Scene) -> Iterator[Finding]:
    """Ask the API server who the token makes you; without a token, only whether it answers."""
    cluster = scene.cluster
    if cluster is None:
        return
    environ = scene.target.environ if scene.target else scene.environ
    token = scene.token.presented if scene.token else "none"
    try:
        found = review(cluster, token, environ)
    except KubeauthError as error:
        yield Finding(_SUBJECT, str(error), error.hint)
        return
    if found.failure is not None:
        yield _unreached(scene, cluster, found.failure)
        return
    if not found.is_kubernetes and found.status >= 500:
        problem = f"what stands before {cluster.server} cannot reach it (HTTP {found.status})"
        yield Finding(_SUBJECT, problem, f"sleep 60 && {scene.command_line('doctor')}")
        return
    if not found.is_kubernetes:
        problem = f"what answers at {cluster.server} is no API server: a proxy or a captive portal"
        line = f"export NO_PROXY={urlsplit(cluster.server).hostname}"
        if not _proxied(cluster, scene):
            line = "open any page in a browser and sign in to the network"
        yield Finding(_SUBJECT, f"{problem} (HTTP {found.status})", line)
        return
    if not scene.authority_answered:
        yield from clock_finding(scene, found.date, System().now())
    if scene.token is None:
        scene.seen.append((_SUBJECT, "answers"))
    else:
        yield from _judged(scene, cluster, found)


def _proxied(cluster: Cluster, scene: Scene) -> bool:
    """Whether kubectl goes through a proxy to reach the API server."""
    try:
        return bool(cluster.proxy_url or find_proxies(cluster.server, scene.environ))
    except KubeauthError:
        return True


def _unreached(scene: Scene, cluster: Cluster, failure: RequestFailed) -> Finding:
    error = unreachable(_SUBJECT, failure)
    text = str(error).removeprefix(f"{_SUBJECT}: ")
    if "certificate-authority-data" in text:
        return Finding(_SUBJECT, text, scene.fetch())
    if failure.kind == "tls":
        return _untrusted(scene, cluster, text, error.hint)
    if _proxied(cluster, scene):
        host = urlsplit(cluster.server).hostname
        if cluster.proxy_url:
            path = f"clusters.{scene.cluster_name}.proxy-url"
            line = scene.kubectl("config", "unset", path)
        else:
            line = f"export NO_PROXY={host}"
        return Finding(_SUBJECT, f"{text}; a proxy is on the way to it", line)
    # Whether the cluster is stopped or private.
    line = "kubeauth clusters" if aks_cloud(cluster) else "ask the cluster's owner whether it runs"
    return Finding(_SUBJECT, f"{text}; it may be stopped, private, or behind a VPN", line)


def _untrusted(scene: Scene, cluster: Cluster, text: str, hint: str) -> Finding:
    """Tell a new certificate authority of the cluster from another server in its place."""
    shown = presented_certificate(cluster.server)
    if shown is None:
        return Finding(_SUBJECT, text, scene.fetch())
    text += f" (signed by {shown.issuer.rfc4514_string()[:100]})"
    if "expired" in text or "not valid yet" in text:
        return Finding(_SUBJECT, text, hint)
    known = _authorities(cluster)
    if "another name" in text or any(_has_signed(each, shown) for each in known):
        return _other_name(scene, cluster, shown, hint)
    names = [each.subject.rfc4514_string()[:100] for each in known]
    if not names:
        return Finding(_SUBJECT, text, scene.fetch())
    if shown.issuer.rfc4514_string() in names:
        problem = f"{text}: the cluster has a new certificate authority"
        return Finding(_SUBJECT, problem, scene.fetch())
    text += f", but the kubeconfig trusts {listed(names, 3)}: a proxy or another server answers"
    line = f"export NO_PROXY={urlsplit(cluster.server).hostname}"
    return Finding(_SUBJECT, text, line if _proxied(cluster, scene) else scene.fetch())


def _other_name(scene: Scene, cluster: Cluster, shown: Certificate, hint: str) -> Finding:
    host = cluster.tls_server_name or urlsplit(cluster.server).hostname
    name = _first_name(shown)
    problem = f"the certificate of {cluster.server} is for {name or 'no name'}, not for {host}"
    if cluster.tls_server_name:
        path = f"clusters.{scene.cluster_name}.tls-server-name"
        return Finding(_SUBJECT, problem, scene.kubectl("config", "unset", path))
    words = ("config", "set-cluster", scene.cluster_name, f"--tls-server-name={name}")
    return Finding(_SUBJECT, problem, scene.kubectl(*words) if name else hint)


def _has_signed(authority: Certificate, certificate: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _authorities(cluster: Cluster) -> list[Certificate]:
    """Return the certificate authorities that the kubeconfig trusts."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(cluster.ca_data)
    except ValueError:
        return []


def _first_name(certificate: Certificate) -> str:
    """Return the first DNS name that a certificate is for."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    return next(iter(names.get_values_for_type(x509.DNSName)), "")


def _judged(scene: Scene, cluster: Cluster, found: Review) -> Iterator[Finding]:
    if found.status == 401:
        yield from cause_of_401(scene, cluster, found.date)
    elif found.user == _ANONYMOUS:
        yield Finding(
            _SUBJECT,
            f"the token did not arrive, the server saw {_ANONYMOUS}: something between here and "
            f"{cluster.server} removes the header Authorization",
            f"export NO_PROXY={urlsplit(cluster.server).hostname}",
        )
    elif found.user:
        groups = listed([scene.foreign(each) for each in found.groups])
        scene.seen.append((_SUBJECT, f"you are {scene.foreign(found.user)}, in {groups}"))
        yield from missing_role(scene, cluster, found)
    else:
        message = scene.foreign(found.message) or f"HTTP {found.status}"
        yield Finding(_SUBJECT, f"it answers {message}", "kubectl get --raw /livez")
