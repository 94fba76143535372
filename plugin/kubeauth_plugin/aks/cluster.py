"""Find one AKS cluster, and say what a person should know about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kubeauth.errors import KubeauthError, SettingsError, SignInRefused, near_names
from kubeauth.resource_manager.client import ResourceManager
from kubeauth.resource_manager.clusters import (
    ManagedCluster,
    find_connected,
    get_cluster,
    list_clusters,
    user_kubeconfig,
)
from kubeauth_plugin.trust.rule import quoted

__all__ = ["find_credentials", "local_accounts_only", "remarks"]

_MISSING: Final = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "HTTP 404"})
_SHOWN: Final = 5


def find_credentials(
    manager: ResourceManager,
    subscription_id: str,
    resource_group: str,
    name: str,
    *,
    public_fqdn: bool,
    origin: str = "",
) -> tuple[str, ManagedCluster | None]:
    """Return the kubeconfig for the cluster's users, and the cluster if it may be read.

    ``origin`` says what named the subscription, if the person did not: they may mean another one.
    Raises SettingsError for a cluster that is not there, and for one whose users Entra ID does not
    sign in; also what Resource Manager raises.
    """
    place = (manager, subscription_id, resource_group, name)
    try:
        cluster = _readable(*place)
        if cluster is not None and not cluster.entra:
            raise local_accounts_only(resource_group, name)
        return user_kubeconfig(*place, public_fqdn=public_fqdn), cluster
    except SignInRefused as error:
        if error.code not in _MISSING:
            raise
        raise _missing(*place, origin) from error


def _readable(
    manager: ResourceManager, subscription_id: str, resource_group: str, name: str
) -> ManagedCluster | None:
    """Return the cluster; None if it may not be read: some roles for its credentials lack that."""
    try:
        return get_cluster(manager, subscription_id, resource_group, name)
    except SignInRefused as error:
        if error.code != "AuthorizationFailed":
            raise
        return None


def local_accounts_only(resource_group: str, name: str) -> SettingsError:
    """Return the error for a cluster that knows only the certificates of local accounts.

    NOTE: its user credential is an administrator's. Never write it.
    """
    enable = quoted(["az", "aks", "update", "-g", resource_group, "-n", name, "--enable-aad"])
    return SettingsError(
        f"cluster {name!r} has local accounts only: Entra ID cannot sign people in to it, and its "
        "credential is the administrator's certificate, which kubeauth does not fetch",
        hint=f"let Entra ID sign people in: `{enable}`",
    )


def remarks(cluster: ManagedCluster) -> Iterator[str]:
    """Yield a sentence for each reason why kubectl may not reach the cluster now."""
    group, name = cluster.resource_group, cluster.name
    if cluster.state.lower() in ("stopped", "stopping"):
        start = quoted(["az", "aks", "start", "-g", group, "-n", name])
        yield f"cluster {name!r} is stopped, so kubectl cannot reach it; start it: `{start}`"
    elif cluster.state.lower() in ("creating", "deleting", "failed"):
        yield f"cluster {name!r} may not answer: its state is {cluster.state}"
    if cluster.private:
        run = quoted(["az", "aks", "command", "invoke", "-g", group, "-n", name, "--command"])
        yield (
            f"cluster {name!r} is private: kubectl reaches it only from its virtual network, a "
            f"peered one or a VPN into it; from elsewhere: `{run} 'kubectl get nodes'`"
        )


def _missing(
    manager: ResourceManager, subscription_id: str, resource_group: str, name: str, origin: str
) -> SettingsError:
    """Return the error for a cluster that is not there, with the names that come near."""
    if find_connected(manager, subscription_id, resource_group, name):
        proxy = quoted(["az", "connectedk8s", "proxy", "-g", resource_group, "-n", name])
        return SettingsError(
            f"cluster {name!r} is connected by Azure Arc, not part of AKS: it takes only tokens "
            "with a proof of possession, through a proxy of Azure's",
            hint=f"run `{proxy}` and use the kubeconfig that it writes",
        )
    said = f"no cluster {name!r} in group {resource_group!r} of subscription {subscription_id}"
    said += f", which {origin} names" if origin else ""
    try:
        known = list_clusters(manager, subscription_id)
    except KubeauthError:
        return SettingsError(said, hint="check -g, -n and -s; `kubeauth clusters` lists clusters")
    return SettingsError(said, hint=_near(known, resource_group, name))


def _near(known: list[ManagedCluster], resource_group: str, name: str) -> str:
    if not known:
        return "this subscription has no cluster that you may see; name another one with -s"
    same = [one for one in known if one.name.lower() == name.lower()]
    inside = [one for one in known if one.resource_group.lower() == resource_group.lower()]
    pool = same or inside or known
    names = {one.name: one for one in pool}
    near = same or [names[each] for each in near_names(name, names)]
    if near:
        words = [quoted(["-g", one.resource_group, "-n", one.name]) for one in near]
        return f"did you mean {' or '.join(words)}?"
    listed = ", ".join(f"{one.resource_group}/{one.name}" for one in pool[:_SHOWN])
    more = f" and {len(pool) - _SHOWN} more" if len(pool) > _SHOWN else ""
    return f"the clusters there are (group/name): {listed}{more}"
