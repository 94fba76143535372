"""AKS clusters as Resource Manager knows them ("Managed Clusters" in the Azure REST API)."""

from __future__ import annotations

import base64
from typing import Any, Final
from urllib.parse import quote

from kubeauth.errors import SignInRefused, Unreachable
from kubeauth.record import Record
from kubeauth.resource_manager.client import ResourceManager

__all__ = [
    "ManagedCluster",
    "find_connected",
    "get_cluster",
    "list_clusters",
    "user_kubeconfig",
]

# Clouds get new versions months after the public one; every cloud has had this one for long.
_VERSION: Final = "2025-10-01"
_ARC_VERSION: Final = "2024-01-01"
_AKS: Final = "Microsoft.ContainerService/managedClusters"
_ARC: Final = "Microsoft.Kubernetes/connectedClusters"


class ManagedCluster(Record):
    """One AKS cluster. ``state`` is its power state, or what Azure is doing with it.

    ``entra`` says that its API server takes tokens of Entra ID, ``azure_rbac`` that Azure's roles
    decide what they may do; ``private`` that it can be reached from its own network only.
    """

    id: str
    name: str
    resource_group: str
    subscription_id: str
    location: str = ""
    version: str = ""
    state: str = ""
    entra: bool = False
    azure_rbac: bool = False
    private: bool = False
    address: str = ""


def list_clusters(
    manager: ResourceManager, subscription_id: str, resource_group: str = ""
) -> list[ManagedCluster]:
    """Return the clusters of a subscription, or of one of its groups; see ``ResourceManager``."""
    path = _path(subscription_id, resource_group, _AKS)
    what = f"the clusters of subscription {subscription_id}"
    return [_read(item) for item in manager.items(path, _VERSION, what=what)]


def get_cluster(
    manager: ResourceManager, subscription_id: str, resource_group: str, name: str
) -> ManagedCluster:
    """Return one cluster; see ``ResourceManager``."""
    path = _path(subscription_id, resource_group, _AKS, name)
    return _read(manager.get(path, _VERSION, what=f"cluster {name}"))


def find_connected(
    manager: ResourceManager, subscription_id: str, resource_group: str, name: str
) -> str:
    """Return the resource id of a cluster that Azure Arc connects; "" if there is none."""
    path = _path(subscription_id, resource_group, _ARC, name)
    try:
        found = manager.get(path, _ARC_VERSION, what=f"cluster {name}")
    except SignInRefused:
        return ""
    return str(found.get("id") or path)


def user_kubeconfig(
    manager: ResourceManager,
    subscription_id: str,
    resource_group: str,
    name: str,
    *,
    public_fqdn: bool = False,
) -> str:
    """Return the kubeconfig for users of a cluster, as text ("List Cluster User Credentials").

    NOTE: a cluster without Entra ID answers with its administrator's certificate. Check
    ``ManagedCluster.entra`` first, and the kubeconfig's user afterwards. Never ask for the admin
    credential. See ``ResourceManager`` for the errors.
    """
    path = _path(subscription_id, resource_group, _AKS, name) + "/listClusterUserCredential"
    what = f"the credentials of {name}"
    query = {"format": "exec", **({"server-fqdn": "public"} if public_fqdn else {})}
    answer = manager.post(path, _VERSION, what=what, **query)
    try:
        return base64.b64decode(answer["kubeconfigs"][0]["value"]).decode()
    except (ValueError, TypeError, LookupError) as error:
        raise Unreachable(
            f"{what}: {manager.address} answered without a kubeconfig",
            hint="check --resource-manager, and whether a proxy answers in its place",
        ) from error


def _path(subscription_id: str, resource_group: str, kind: str, name: str = "") -> str:
    group = f"/resourceGroups/{quote(resource_group, '')}" if resource_group else ""
    last = f"/{quote(name, '')}" if name else ""
    return f"/subscriptions/{quote(subscription_id, '')}{group}/providers/{kind}{last}"


def _read(item: dict[str, Any]) -> ManagedCluster:
    properties = _inner(item, "properties")
    access = _inner(properties, "apiServerAccessProfile")
    entra = properties.get("aadProfile")
    parts = str(item.get("id") or "").split("/")
    version = properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion")
    return ManagedCluster(
        id=str(item.get("id") or ""),
        name=str(item.get("name") or ""),
        resource_group=parts[4] if len(parts) > 4 else "",
        subscription_id=parts[2] if len(parts) > 2 else "",
        location=str(item.get("location") or ""),
        version=str(version or ""),
        state=_state(properties),
        entra=isinstance(entra, dict),
        azure_rbac=bool(_inner(properties, "aadProfile").get("enableAzureRBAC")),
        private=bool(access.get("enablePrivateCluster")),
        address=str(properties.get("fqdn") or properties.get("privateFQDN") or ""),
    )


def _state(properties: dict[str, Any]) -> str:
    """Return Running or Stopped, or what Azure is doing: Creating, Starting, Stopping, Failed …"""
    doing = str(properties.get("provisioningState") or "")
    power = str(_inner(properties, "powerState").get("code") or "")
    return doing if doing not in ("", "Succeeded") else power


def _inner(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    found = mapping.get(name)
    return found if isinstance(found, dict) else {}
