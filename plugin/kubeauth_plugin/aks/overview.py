"""All clusters of one or more subscriptions, and how to show them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from kubeauth.errors import KubeauthError
from kubeauth.resource_manager.client import ResourceManager
from kubeauth.resource_manager.clusters import ManagedCluster, list_clusters
from kubeauth.resource_manager.subscriptions import Subscription
from kubeauth_plugin.output import columns, fits, harmless
from kubeauth_plugin.trust.rule import quoted

__all__ = ["all_clusters", "as_json", "as_table"]

# Resource Manager allows 25 requests per second to each identity, in each region.
_AT_ONCE: Final = 8
_HEAD: Final = ("NAME", "GROUP", "VERSION", "STATE", "ENTRA", "AZURE RBAC", "PRIVATE")
_SUBSCRIPTION: Final = "SUBSCRIPTION"


def all_clusters(
    manager: ResourceManager,
    subscriptions: Sequence[Subscription],
    resource_group: str,
    warn: Callable[[str], None],
) -> list[ManagedCluster]:
    """Return the clusters of these subscriptions, by subscription, group and name.

    Warns of a subscription that cannot be listed. Raises its error if none can be.
    """
    found: list[ManagedCluster] = []
    failures: list[KubeauthError] = []

    def listed(subscription: Subscription) -> list[ManagedCluster] | KubeauthError:
        try:
            return list_clusters(manager, subscription.id, resource_group)
        except KubeauthError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for outcome in pool.map(listed, subscriptions):
            if isinstance(outcome, KubeauthError):
                failures.append(outcome)
            else:
                found += sorted(outcome, key=lambda c: (c.resource_group.lower(), c.name.lower()))
    if failures and len(failures) == len(subscriptions):
        raise failures[0]
    for failure in failures:
        # A group's name belongs to one subscription; the others do not have it.
        if getattr(failure, "code", "") != "ResourceGroupNotFound":
            warn(str(failure))
    return found


def as_table(clusters: Sequence[ManagedCluster], names: dict[str, str]) -> str:
    """Return one line per cluster, in columns; ``names`` has the subscriptions' names by id.

    Clusters of one subscription need no column for it. Where the terminal has no room for whole
    names, return two lines per cluster instead: a person has to copy the names.
    """
    several = len({cluster.subscription_id.lower() for cluster in clusters}) > 1
    rows = [
        (
            *(cluster.name, cluster.resource_group, cluster.version, cluster.state),
            *map(_yes, (cluster.entra, cluster.azure_rbac, cluster.private)),
            *([_subscription(cluster, names)] if several else []),
        )
        for cluster in clusters
    ]
    lines = [(*_HEAD, *([_SUBSCRIPTION] if several else [])), *rows]
    if fits(lines):
        return columns(lines)
    return "\n".join(_in_two_lines(cluster, names, several) for cluster in clusters)


def _in_two_lines(cluster: ManagedCluster, names: dict[str, str], several: bool) -> str:
    """Return a cluster as flags for get-credentials, and below what the table says in words."""
    flags = ["-g", cluster.resource_group, "-n", cluster.name]
    if several:
        flags += ["-s", _subscription(cluster, names)]
    facts = [cluster.version, cluster.state, "Entra" if cluster.entra else "local accounts only"]
    facts += ["Azure RBAC"] if cluster.azure_rbac else []
    facts += ["private"] if cluster.private else []
    return harmless(quoted(flags)) + "\n    " + harmless(", ".join(filter(None, facts)))


def _subscription(cluster: ManagedCluster, names: dict[str, str]) -> str:
    return names.get(cluster.subscription_id.lower(), cluster.subscription_id)


def as_json(clusters: Sequence[ManagedCluster], names: dict[str, str]) -> str:
    """Return a JSON list with one object per cluster."""
    return json.dumps(
        [
            {
                "name": cluster.name,
                "resourceGroup": cluster.resource_group,
                "subscriptionId": cluster.subscription_id,
                "subscription": names.get(cluster.subscription_id.lower(), ""),
                "region": cluster.location,
                "version": cluster.version,
                "state": cluster.state,
                "entra": cluster.entra,
                "azureRbac": cluster.azure_rbac,
                "private": cluster.private,
                "address": cluster.address,
                "id": cluster.id,
            }
            for cluster in clusters
        ],
        indent=2,
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
