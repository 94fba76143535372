"""The managed identities of the machine, for every identity endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeauth.testing.entra.mint import Mint

if TYPE_CHECKING:
    from kubeauth.testing.entra.directory import ManagedIdentity
    from kubeauth.testing.entra.state import EntraState


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and its expiry (epoch seconds)."""

    access_token: str
    expires_on: int
    lifetime: int


class Machine:
    """Finds identities and makes their tokens."""

    def __init__(self, state: EntraState) -> None:
        self.state = state
        self._mint = Mint(state)

    def find(
        self, *, client_id: str = "", object_id: str = "", resource_id: str = ""
    ) -> ManagedIdentity | None:
        """Return the identity that one of the ids names.

        Without an id, return the system-assigned identity, else the only one, else None.
        """
        known = self.state.directory.identities
        for attribute, wanted in (
            ("client_id", client_id),
            ("object_id", object_id),
            ("resource_id", resource_id),
        ):
            if wanted:
                low = wanted.lower()
                return next((i for i in known if getattr(i, attribute).lower() == low), None)
        own = [i for i in known if i.system_assigned] or known
        return own[0] if len(own) == 1 else None

    @property
    def has_several(self) -> bool:
        """Whether a request must name the identity."""
        return len(self.state.directory.identities) > 1

    def grant(self, identity: ManagedIdentity, resource: str) -> Grant:
        """Return a token for `resource`; raises `EntraError`."""
        tenant = self.state.tenant(identity.tenant_id)
        self.state.check_resource(tenant, resource)
        self.state.fail_if_scripted(identity.object_id, identity.client_id)
        answer = self._mint.for_application(tenant, identity, resource, strength="2")
        lifetime = self.state.settings.token_lifetime
        return Grant(answer["access_token"], int(self.state.clock.now()) + lifetime, lifetime)
