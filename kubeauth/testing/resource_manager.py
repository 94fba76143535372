"""A simulated Azure Resource Manager, as far as `az aks get-credentials` needs it.

Sources: Azure REST API, "Subscriptions - List", "Tenants - List", "Managed Clusters - List
Cluster User Credentials"; the metadata document is what `az cloud register` reads.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.kubeconfig import kubeconfig
from kubeauth.testing.entra.directory import AKS_CLIENT_ID
from kubeauth.testing.wire.http import Response, json_response
from kubeauth.testing.wire.jwt import BadToken, verify, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

__all__ = ["ManagedCluster", "ResourceManager"]

_AUDIENCES = ("https://management.core.windows.net", "https://management.azure.com")
"""The public cloud's, which a simulated one answers to as well as to its own address."""
_ROLE_ACTION = "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"
_STYLES = {"exec": "exec", "azure": "azure", "": "exec"}


@dataclass(frozen=True, slots=True)
class ManagedCluster:
    """An AKS resource whose credentials lead to the simulator's cluster.

    `users` are the object ids with the role "Cluster User"; None means that all users have it.
    """

    subscription_id: str
    resource_group: str
    name: str
    users: frozenset[str] | None = None

    @property
    def path(self) -> str:
        """The resource id in lower case: Resource Manager ignores case."""
        return (
            f"/subscriptions/{self.subscription_id}/resourcegroups/{self.resource_group}"
            f"/providers/microsoft.containerservice/managedclusters/{self.name}"
        ).lower()


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = json_response(status, {"error": {"code": code, "message": message}})


@dataclass(slots=True)
class ResourceManager:
    """Subscriptions and AKS clusters of the simulator's first tenant, at `url`.

    There is one subscription, `subscription_id`; `add_cluster` makes clusters in it.
    """

    url: str
    state: EntraState = field(repr=False)
    cluster: Cluster = field(repr=False)
    subscription_id: str = "00000000-0000-0000-0000-000000000001"
    clusters: list[ManagedCluster] = field(default_factory=list)

    def add_cluster(
        self, resource_group: str, name: str, users: frozenset[str] | None = None
    ) -> ManagedCluster:
        """Add an AKS resource; `users` are the object ids that may fetch its credentials."""
        cluster = ManagedCluster(self.subscription_id, resource_group, name, users)
        self.clusters.append(cluster)
        return cluster

    def serves(self, path: str) -> bool:
        """Return whether a path is one of Resource Manager's."""
        return path.lower().startswith(("/metadata/endpoints", "/subscriptions", "/tenants"))

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if "api-version" not in request.query:
            message = "The api-version query parameter is required."
            return _Refused(400, "MissingApiVersionParameter", message).answer
        path = request.path.lower().rstrip("/")
        try:
            if path == "/metadata/endpoints":
                return json_response(200, self._metadata())
            caller = self._caller(request.headers.get("authorization", ""))
            return json_response(200, self._answer(request, path, caller))
        except _Refused as refusal:
            return refusal.answer

    def _answer(self, request: Request, path: str, caller: Mapping[str, Any]) -> Any:
        if request.method == "GET" and path == "/tenants":
            return {"value": [self._tenant()]}
        if request.method == "GET" and path == "/subscriptions":
            return {"value": [self._subscription()]}
        if request.method == "GET" and path == f"/subscriptions/{self.subscription_id}":
            return self._subscription()
        head, _, action = path.rpartition("/")
        cluster = next((one for one in self.clusters if one.path == head), None)
        if request.method != "POST" or action != "listclusterusercredential" or cluster is None:
            raise _Refused(404, "ResourceNotFound", f"The Resource '{request.path}' was not found.")
        if cluster.users is not None and caller.get("oid") not in cluster.users:
            raise _Refused(
                403,
                "AuthorizationFailed",
                f"The client '{caller.get('appid')}' with object id '{caller.get('oid')}' does not "
                f"have authorization to perform action '{_ROLE_ACTION}' over scope "
                f"'{cluster.path}' or the scope is invalid.",
            )
        style = request.query.get("format", "").lower()
        if style not in _STYLES:
            raise _Refused(400, "InvalidParameter", f"format {style!r} is not known")
        text = self._kubeconfig(cluster, _STYLES[style])
        value = base64.b64encode(text.encode()).decode()
        return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}

    def _kubeconfig(self, cluster: ManagedCluster, style: str) -> str:
        return kubeconfig(
            style=style,
            context=cluster.name,
            server=self.cluster.server,
            ca_pem=self.cluster.ca_pem,
            server_id=self.cluster.server_id,
            client_id=AKS_CLIENT_ID,
            tenant_id=self.state.directory.tenants[0].id,
        )

    def _caller(self, authorization: str) -> Mapping[str, Any]:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _Refused(
                401, "AuthenticationFailed", "The 'Authorization' header is missing or invalid."
            )
        try:
            claims = verify(token, self.state.signer.public_key, ["RS256"])
        except BadToken as error:
            raise _Refused(401, "InvalidAuthenticationToken", "The token is invalid.") from error
        if str(claims.get("aud")).rstrip("/") not in (*_AUDIENCES, self.url):
            raise _Refused(
                401,
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience '{claims.get('aud')}'.",
            )
        if not within(claims, self.state.clock.now(), 300.0):
            raise _Refused(401, "ExpiredAuthenticationToken", "The access token expired.")
        return claims

    def _metadata(self) -> dict[str, Any]:
        authority = self.state.authority.rstrip("/")
        return {
            "name": "simulated",
            "portal": f"{self.url}/portal",
            "authentication": {
                "loginEndpoint": authority,
                "audiences": [f"{audience}/" for audience in _AUDIENCES],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "graph": f"{self.url}/graph",
            "graphAudience": f"{self.url}/graph",
            "gallery": f"{self.url}/gallery",
            "resourceManager": f"{self.url}/",
            "media": f"{self.url}/media",
            "batch": f"{self.url}/batch",
            "sqlManagement": f"{self.url}/sql",
            "suffixes": {},
        }

    def _tenant(self) -> dict[str, str]:
        tenant = self.state.directory.tenants[0]
        return {"id": f"/tenants/{tenant.id}", "tenantId": tenant.id, "displayName": tenant.name}

    def _subscription(self) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{self.subscription_id}",
            "subscriptionId": self.subscription_id,
            "tenantId": self.state.directory.tenants[0].id,
            "displayName": "simulated",
            "state": "Enabled",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
        }
