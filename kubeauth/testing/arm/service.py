"""A simulated Azure Resource Manager: subscriptions, and clusters with their user credentials.

Sources: Azure REST API, "Subscriptions - List", "Tenants - List", "Managed Clusters - List", "List
By Resource Group", "Get", "List Cluster User Credentials", "Connected Cluster - Get", and
"Throttling Resource Manager requests"; the metadata document is what `az cloud register` reads.
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from kubeauth.testing.apiserver.kubeconfig import kubeconfig
from kubeauth.testing.arm.caller import Callers, Challenge
from kubeauth.testing.arm.refused import Refused, forbidden, not_found, unknown_version
from kubeauth.testing.arm.resources import AKS, ARC, ConnectedCluster, ManagedCluster, Subscription
from kubeauth.testing.entra.directory import AKS_CLIENT_ID
from kubeauth.testing.wire.http import Response, json_response
from kubeauth.testing.wire.jwt import rsa_key
from kubeauth.testing.wire.tls import key_pem, self_signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

__all__ = ["ResourceManager"]

_FIRST = "00000000-0000-0000-0000-000000000001"
_READ = "read"
_CREDENTIAL = "listClusterUserCredential/action"
_STYLES = {"exec": "exec", "azure": "azure", "": "exec"}
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_VERSIONS = {
    AKS: ("2024-10-01", "2025-01-01", "2025-05-01", "2025-10-01", "2026-05-01", "2026-06-01"),
    ARC: ("2021-10-01", "2024-01-01", "2026-05-01"),
}
_CLUSTERS = re.compile(
    r"/subscriptions/(?P<subscription>[^/]*)(/resourcegroups/(?P<group>[^/]+))?/providers/"
    r"(?P<kind>microsoft\.containerservice/managedclusters|microsoft\.kubernetes/connectedclusters)"
    r"(/(?P<name>[^/]+)(/(?P<action>[^/]+))?)?"
)


@dataclass(slots=True)
class ResourceManager:
    """Subscriptions and clusters at `url`; the first subscription is there from the start.

    `api_versions` are those of each type of resource. Lists have pages of `page_size` items, None
    for one page. `throttle` and `challenge` refuse the next requests.
    """

    url: str
    state: EntraState = field(repr=False)
    cluster: Cluster = field(repr=False)
    subscription_id: str = _FIRST
    subscriptions: list[Subscription] = field(default_factory=list)
    clusters: list[ManagedCluster] = field(default_factory=list)
    connected: list[ConnectedCluster] = field(default_factory=list)
    api_versions: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(_VERSIONS))
    page_size: int | None = None
    _throttled: list[str] = field(default_factory=list)
    _callers: Callers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with one subscription of the first tenant."""
        self._callers = Callers(self.url, self.state)
        self.reset()

    def reset(self) -> None:
        """Forget what tests added and set."""
        first = Subscription(_FIRST, "simulated", self.state.directory.tenants[0].id)
        self.subscriptions = [first]
        self.clusters, self.connected, self._throttled = [], [], []
        self.api_versions, self.page_size = dict(_VERSIONS), None
        self._callers.challenges.clear()

    # What a test sets up

    def add_subscription(
        self, name: str, *, tenant_id: str = "", readers: Iterable[str] | None = None
    ) -> Subscription:
        """Add a subscription, of the first tenant unless another one is named."""
        tenant_id = tenant_id or self.state.directory.tenants[0].id
        allowed = None if readers is None else frozenset(readers)
        subscription = Subscription(str(uuid.uuid4()), name, tenant_id, readers=allowed)
        self.subscriptions.append(subscription)
        return subscription

    def add_cluster(
        self,
        resource_group: str,
        name: str,
        users: Iterable[str] | None = None,
        *,
        subscription: Subscription | None = None,
        **more: Any,
    ) -> ManagedCluster:
        """Add an AKS resource; `users` are the object ids that may fetch its credentials.

        `more` are other fields of `ManagedCluster`.
        """
        home = subscription or self.subscriptions[0]
        home.groups.add(resource_group.lower())
        allowed = None if users is None else frozenset(users)
        cluster = ManagedCluster(home.id, resource_group, name, allowed, **more)
        self.clusters.append(cluster)
        return cluster

    def add_connected_cluster(self, resource_group: str, name: str) -> ConnectedCluster:
        """Add a cluster that Azure Arc connects, to the first subscription."""
        self.subscriptions[0].groups.add(resource_group.lower())
        cluster = ConnectedCluster(self.subscription_id, resource_group, name)
        self.connected.append(cluster)
        return cluster

    def throttle(self, times: int = 1, retry_after: str = "1") -> None:
        """Answer the next requests with 429 and this Retry-After (seconds)."""
        self._throttled += [retry_after] * times

    def challenge(self, claims: str, times: int = 1) -> None:
        """Answer the next requests with 401 and a claims challenge (JSON text)."""
        self._callers.challenges += [Challenge(claims)] * times

    # Requests

    def serves(self, path: str) -> bool:
        """Return whether a path is one of Resource Manager's."""
        return path.lower().startswith(("/metadata/endpoints", "/subscriptions", "/tenants"))

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path.lower().rstrip("/")
        try:
            self._check_version(request.query.get("api-version"))
            if path == "/metadata/endpoints":
                return json_response(200, self._metadata())
            caller = self._callers.identify(request.headers.get("authorization", ""))
            self._check_rate()
            left = {"x-ms-ratelimit-remaining-subscription-reads": "249"}
            return json_response(200, self._answer(request, path, caller), left)
        except Refused as refusal:
            return refusal.answer

    def _check_version(self, version: str | None) -> None:
        if version is None:
            message = (
                "The api-version query parameter (?api-version=) is required for all requests."
            )
            raise Refused(400, "MissingApiVersionParameter", message)
        if not _VERSION.fullmatch(version):
            message = f"The api-version '{version}' is invalid."
            raise Refused(400, "InvalidApiVersionParameter", message)

    def _check_rate(self) -> None:
        if self._throttled:
            seconds = self._throttled.pop(0)
            message = "The request is being throttled as the limit has been reached for operation."
            raise Refused(429, "Throttled", message, {"Retry-After": seconds})

    def _answer(self, request: Request, path: str, caller: Mapping[str, Any]) -> Any:
        if request.method == "GET" and path == "/tenants":
            return {"value": [self._tenant(str(caller.get("tid")))]}
        if request.method == "GET" and path == "/subscriptions":
            found = [s.as_json() for s in self.subscriptions if s.tenant_id == caller.get("tid")]
            return self._page(request, found)
        if request.method == "GET" and re.fullmatch("/subscriptions/[^/]+", path):
            return self._subscription(path.rpartition("/")[2], caller).as_json()
        asked = _CLUSTERS.fullmatch(path)
        if asked is None:
            raise not_found(request.path, "")
        subscription = self._subscription(asked["subscription"], caller)
        kind = AKS if "managedclusters" in path else ARC
        version = request.query["api-version"]
        if version not in self.api_versions[kind]:
            raise unknown_version(version, kind.partition("/")[2], self.api_versions[kind])
        if asked["group"] and asked["group"] not in subscription.groups:
            message = f"Resource group '{asked['group']}' could not be found."
            raise Refused(404, "ResourceGroupNotFound", message)
        if not asked["name"]:
            return self._list(request, subscription, kind, asked["group"], caller)
        if not asked["group"]:
            raise not_found(request.path, "")
        return self._one(request, subscription, kind, asked, caller)

    def _subscription(self, subscription_id: str, caller: Mapping[str, Any]) -> Subscription:
        try:
            uuid.UUID(subscription_id)
        except ValueError:
            message = (
                f"The provided subscription identifier '{subscription_id}' is malformed or invalid."
            )
            raise Refused(400, "InvalidSubscriptionId", message) from None
        found = next((s for s in self.subscriptions if s.id == subscription_id), None)
        if found is None:
            message = f"The subscription '{subscription_id}' could not be found."
            raise Refused(404, "SubscriptionNotFound", message)
        self._callers.check_tenant(caller, found.tenant_id)
        return found

    def _list(
        self,
        request: Request,
        subscription: Subscription,
        kind: str,
        group: str | None,
        caller: Mapping[str, Any],
    ) -> Any:
        scope = f"/subscriptions/{subscription.id}" + (f"/resourceGroups/{group}" if group else "")
        if subscription.readers is not None and caller.get("oid") not in subscription.readers:
            raise forbidden(caller, f"{kind}/{_READ}", scope)
        found: list[ManagedCluster] | list[ConnectedCluster]
        found = self.clusters if kind == AKS else self.connected
        return self._page(
            request,
            [
                cluster.as_json()
                for cluster in found
                if cluster.subscription_id == subscription.id
                and group in (None, cluster.resource_group.lower())
            ],
        )

    def _one(
        self,
        request: Request,
        subscription: Subscription,
        kind: str,
        asked: re.Match[str],
        caller: Mapping[str, Any],
    ) -> Any:
        head = request.path.lower().rstrip("/").removesuffix(f"/{asked['action']}")
        every: list[ManagedCluster | ConnectedCluster] = [*self.clusters, *self.connected]
        found = [one for one in every if one.id.lower() == head]
        if not found:
            raise not_found(f"{kind}/{asked['name']}", str(asked["group"]))
        cluster = found[0]
        if request.method == "GET" and not asked["action"]:
            readers = cluster.readers if isinstance(cluster, ManagedCluster) else None
            readers = subscription.readers if readers is None else readers
            _check_role(caller, readers, f"{kind}/{_READ}", cluster.id)
            return cluster.as_json()
        wanted = request.method == "POST" and asked["action"] == "listclusterusercredential"
        if not wanted or not isinstance(cluster, ManagedCluster):
            raise not_found(request.path, str(asked["group"]))
        _check_role(caller, cluster.users, f"{AKS}/{_CREDENTIAL}", cluster.id)
        return self._credential(request, cluster)

    def _credential(self, request: Request, cluster: ManagedCluster) -> Any:
        style = request.query.get("format", "").lower()
        if style not in _STYLES:
            raise Refused(
                400, "InvalidParameter", f"The value of parameter format is invalid: {style}"
            )
        if (
            request.query.get("server-fqdn") == "public"
            and cluster.private
            and not cluster.public_fqdn
        ):
            message = "Public FQDN is not enabled for this private cluster."
            raise Refused(400, "BadRequest", message)
        key = rsa_key("local account")
        text = kubeconfig(
            style=_STYLES[style] if cluster.entra else "certificate",
            context=cluster.name,
            user=f"clusterUser_{cluster.resource_group}_{cluster.name}",
            server=self.cluster.server,
            ca_pem=self.cluster.ca_pem,
            server_id=self.cluster.server_id,
            client_id=AKS_CLIENT_ID,
            tenant_id=self.state.directory.tenants[0].id,
            certificate_pem=self_signed(key, "masterclient"),
            key_pem=key_pem(key),
        )
        value = base64.b64encode(text.encode()).decode()
        return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}

    def _page(self, request: Request, items: list[Any]) -> dict[str, Any]:
        start = int(request.query.get("$skiptoken", "0"))
        end = len(items) if self.page_size is None else start + self.page_size
        page: dict[str, Any] = {"value": items[start:end]}
        if end < len(items):
            query = {"api-version": request.query["api-version"], "$skiptoken": str(end)}
            page["nextLink"] = f"{self.url}{request.path}?{urlencode(query)}"
        return page

    def _metadata(self) -> dict[str, Any]:
        authority = self.state.authority.rstrip("/")
        return {
            "name": "simulated",
            "portal": f"{self.url}/portal",
            "authentication": {
                "loginEndpoint": authority,
                "audiences": [f"{audience}/" for audience in self._callers.audiences],
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

    def _tenant(self, tenant_id: str) -> dict[str, str]:
        tenants = self.state.directory.tenants
        tenant = next((t for t in tenants if t.id == tenant_id), tenants[0])
        return {"id": f"/tenants/{tenant.id}", "tenantId": tenant.id, "displayName": tenant.name}


def _check_role(
    caller: Mapping[str, Any], allowed: frozenset[str] | None, action: str, scope: str
) -> None:
    if allowed is not None and caller.get("oid") not in allowed:
        raise forbidden(caller, action, scope)
