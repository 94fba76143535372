"""The settings of the simulated cluster."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubeauth.testing.entra.directory import AKS_SERVER_ID

_RESOURCE_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/"
    "Microsoft.Kubernetes/connectedClusters/simulated"
)


@dataclass(slots=True)
class Cluster:
    """The API server's address and the tokens it accepts; tests may change all of it at any time.

    `server_id` is the audience of tokens; with `legacy` the API server also accepts `spn:…`. With
    `require_pop` it accepts only signed requests whose claim `u` is `resource_id`; without it, only
    plain tokens. `refusals` lists the reasons for answers 401, oldest first.
    """

    server: str
    ca_pem: bytes = field(repr=False)
    server_id: str = AKS_SERVER_ID
    legacy: bool = False
    require_pop: bool = False
    resource_id: str = _RESOURCE_ID
    refusals: list[str] = field(default_factory=list)
    forbidden: set[tuple[str, str]] = field(default_factory=set)

    def forbid(self, verb: str, resource: str) -> None:
        """Answer 403 to `verb` (get, list, create, …) on `resource` (nodes, …)."""
        self.forbidden.add((verb, resource))

    def reset(self) -> None:
        """Restore the settings of a new cluster."""
        self.server_id, self.resource_id = AKS_SERVER_ID, _RESOURCE_ID
        self.legacy = self.require_pop = False
        self.refusals.clear()
        self.forbidden.clear()
