"""The settings: complete, and fit for the cluster's cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import KubeauthError
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin.doctor.finding import Finding, Scene, from_error

__all__ = ["check"]

# The domains of AKS's API servers in each cloud ("AKS outbound network rules").
_CLOUDS: Final = {
    ".azmk8s.io": "AzurePublicCloud",
    ".cx.aks.containerservice.azure.us": "AzureUSGovernmentCloud",
    ".cx.prod.service.azk8s.cn": "AzureChinaCloud",
}
_NAMES: Final = {"": "AzurePublicCloud", "azurecloud": "AzurePublicCloud"}


def check(scene: Scene) -> Iterator[Finding]:
    """Make the provider without signing in, and compare the settings with the server's address."""
    target = scene.target
    if target is None:
        return
    settings = target.settings
    scene.seen.append(("login", settings.login))
    try:
        provider_for(settings, System(environ=target.environ, warn=lambda _: None))
    except KubeauthError as error:
        yield from_error("settings", error)
    host = urlsplit(target.cluster.server).hostname or "" if target.cluster else ""
    cloud = next((name for domain, name in _CLOUDS.items() if host.endswith(domain)), "")
    if not cloud:
        return
    if settings.server_id != AKS_SERVER_ID:
        problem = f"the cluster is AKS, but the server id is {settings.server_id or 'empty'}"
        yield Finding("settings", problem, scene.convert("--server-id", AKS_SERVER_ID))
    chosen = settings.environment
    same = _NAMES.get(chosen.lower(), chosen).lower() == cloud.lower()
    if not same and not settings.authority_host:
        problem = (
            f"the cluster is in {cloud}, but the sign-in goes to {chosen or 'the public cloud'}"
        )
        yield Finding("settings", problem, scene.convert("--environment", cloud))
