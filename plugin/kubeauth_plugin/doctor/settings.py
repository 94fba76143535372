"""The settings: complete, and fit for the cluster's cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from kubeauth.clouds import AKS_SERVER_ID, cloud_of_authority, find_cloud
from kubeauth.errors import KubeauthError
from kubeauth.options.check import authority_of
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin.doctor.finding import Finding, Scene, aks_cloud, from_error
from kubeauth_plugin.explain import idle_variables, values_of

__all__ = ["check"]

_SUBJECT: Final = "settings"


def check(scene: Scene) -> Iterator[Finding]:
    """Make the provider without signing in, and compare the settings with the server's address."""
    target = scene.target
    if target is None:
        return
    settings = target.settings
    try:
        for name, value, origin in values_of(settings, target.environ, target.from_kubeconfig):
            scene.seen.append((name, f"{value} ({origin})" if origin else value))
        for name, why in idle_variables(settings, target.environ):
            scene.seen.append((name, f"is set and does not count: {why}"))
        provider_for(settings, System(environ=target.environ, warn=lambda _: None))
    except KubeauthError as error:
        yield from_error(_SUBJECT, error)
    cloud = aks_cloud(target.cluster)
    if not cloud:
        return
    if settings.server_id != AKS_SERVER_ID:
        problem = f"the cluster is AKS, but the server id is {settings.server_id or 'empty'}"
        yield Finding(_SUBJECT, problem, scene.change("server_id", AKS_SERVER_ID))
    try:
        authority = authority_of(settings, target.environ)
        chosen = cloud_of_authority(authority, {})
    except KubeauthError:
        return
    if chosen is not None and chosen.name != cloud:
        place = f"{chosen.name} ({urlsplit(authority).hostname})"
        problem = f"the cluster is in {cloud}, but the sign-in goes to {place}"
        line = scene.change("environment", cloud)
        if settings.authority_host:
            line = scene.change("authority_host", find_cloud(cloud, {}).authority)
        yield Finding(_SUBJECT, problem, line)
