"""What Resource Manager manages: subscriptions, AKS clusters and clusters that Arc connects.

Sources: Azure REST API specifications, `managedClusters.json` and `connectedClusters.json`, and the
pages of AKS on starting and stopping, private clusters and local accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AKS = "Microsoft.ContainerService/managedClusters"
ARC = "Microsoft.Kubernetes/connectedClusters"
_REGION = "westeurope"


@dataclass(slots=True)
class Subscription:
    """A subscription. Each belongs to one tenant, and only that tenant's tokens show it.

    `readers` are the object ids that may read all of it; None means that all identities may.
    """

    id: str
    name: str
    tenant_id: str
    state: str = "Enabled"
    readers: frozenset[str] | None = None
    groups: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """Return the subscription as Resource Manager lists it."""
        return {
            "id": f"/subscriptions/{self.id}",
            "subscriptionId": self.id,
            "tenantId": self.tenant_id,
            "displayName": self.name,
            "state": self.state,
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
        }


@dataclass(slots=True)
class ManagedCluster:
    """An AKS resource whose credentials lead to the simulator's cluster.

    `users` are the object ids with the role "Cluster User", `readers` those that may read the
    resource itself; None means that all identities may. Without `entra` it has local accounts only,
    and its user credential is the administrator's certificate.
    """

    subscription_id: str
    resource_group: str
    name: str
    users: frozenset[str] | None = None
    readers: frozenset[str] | None = None
    entra: bool = True
    azure_rbac: bool = False
    running: bool = True
    private: bool = False
    public_fqdn: bool = False
    version: str = "1.33.2"

    @property
    def id(self) -> str:
        """The resource id, in the case in which it was made."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{AKS}/{self.name}"
        )

    @property
    def path(self) -> str:
        """The resource id in lower case: Resource Manager ignores case."""
        return self.id.lower()

    def as_json(self) -> dict[str, Any]:
        """Return it as Resource Manager shows it."""
        label = f"{self.name}-{self.resource_group}"
        public = f"{label}.hcp.{_REGION}.azmk8s.io"
        inner = f"{label}.privatelink.{_REGION}.azmk8s.io"
        properties: dict[str, Any] = {
            "provisioningState": "Succeeded",
            "powerState": {"code": "Running" if self.running else "Stopped"},
            "kubernetesVersion": self.version.rpartition(".")[0],
            "currentKubernetesVersion": self.version,
            "enableRBAC": True,
            "disableLocalAccounts": False,
        }
        if not self.private or self.public_fqdn:
            properties["fqdn"] = public
        if self.private:
            properties["privateFQDN"] = inner
            properties["apiServerAccessProfile"] = {
                "enablePrivateCluster": True,
                "enablePrivateClusterPublicFQDN": self.public_fqdn,
            }
        if self.entra:
            properties["aadProfile"] = {"managed": True, "enableAzureRBAC": self.azure_rbac}
        return {
            "id": self.id,
            "name": self.name,
            "type": AKS,
            "location": _REGION,
            "sku": {"name": "Base", "tier": "Free"},
            "properties": properties,
        }


@dataclass(frozen=True, slots=True)
class ConnectedCluster:
    """A cluster outside Azure that Azure Arc connects."""

    subscription_id: str
    resource_group: str
    name: str
    status: str = "Connected"

    @property
    def id(self) -> str:
        """The resource id."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{ARC}/{self.name}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as Resource Manager shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "type": ARC,
            "location": _REGION,
            "properties": {"connectivityStatus": self.status, "provisioningState": "Succeeded"},
        }
