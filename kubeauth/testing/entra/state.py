"""The shared state of the simulated Entra ID: settings, directory, keys, open sign-ins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.entra.ledger import Ledger
from kubeauth.testing.wire.jwt import Signer, rsa_key

if TYPE_CHECKING:
    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.directory import Application, Directory, Tenant, User
    from kubeauth.testing.entra.issuer import Issuer
    from kubeauth.testing.wire.clock import Clock

OPEN_TENANTS = ("organizations", "common")
"""Path segments under which people of any tenant sign in."""


@dataclass(slots=True)
class Settings:
    """Settings that tests may change at any time; times are in seconds."""

    token_lifetime: int = 3600
    refresh_in: int | None = None
    refresh_token_lifetime: float = 90 * 24 * 3600
    device_code_interval: int = 5
    device_code_lifetime: int = 900
    device_code_page: str = ""
    reject_replayed_assertions: bool = False


@dataclass(slots=True)
class ScriptedFailure:
    """An AADSTS error for the next token requests that would succeed."""

    code: int
    times: int | None
    object_id: str
    client_id: str
    claims: str


@dataclass(slots=True)
class DeviceCode:
    """One sign-in with a device code (RFC 8628)."""

    device_code: str = field(repr=False)
    user_code: str
    client_id: str
    tenant: str
    scope: str
    expires_at: float
    interval: float
    state: str = "pending"
    user: User | None = None
    polled_at: float | None = None


@dataclass(slots=True)
class AuthorizationCode:
    """One sign-in with a browser, waiting for its code to be redeemed."""

    client_id: str
    tenant_id: str
    user: User
    redirect_uri: str
    challenge: str
    nonce: str
    scope: str
    expires_at: float
    redeemed: bool = False


class EntraState:
    """The state that Entra ID's endpoints share. `authority` ends with a slash."""

    def __init__(
        self, clock: Clock, directory: Directory, authority: str, cluster: Cluster
    ) -> None:
        self.clock = clock
        self._cluster = cluster
        self.directory = directory
        self.authority = authority
        self.settings = Settings()
        self.signer = Signer(rsa_key("entra"))
        self.ledger = Ledger()
        self.issuers: list[Issuer] = []
        self.lock = threading.RLock()
        self.device_codes: dict[str, DeviceCode] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.failures: list[ScriptedFailure] = []

    def tenant(self, segment: str) -> Tenant:
        """Return the tenant of a path segment; raises AADSTS90002, or 50059 for an open one."""
        if segment.lower() in OPEN_TENANTS:
            raise EntraError(50059)
        tenant = self.directory.tenant(segment)
        if tenant is None:
            raise EntraError(90002, tenant=segment)
        return tenant

    def home(self, segment: str, upn: str) -> tuple[Tenant, User]:
        """Return the person `upn` signing in at `segment`; raises AADSTS50034 and 90002."""
        if segment.lower() in OPEN_TENANTS:
            for tenant in self.directory.tenants:
                if user := tenant.user(upn):
                    return tenant, user
            raise EntraError(50034, user=upn, tenant=segment)
        tenant = self.tenant(segment)
        user = tenant.user(upn)
        if user is None:
            raise EntraError(50034, user=upn, tenant=tenant.name)
        return tenant, user

    def application(self, segment: str, client_id: str) -> Application:
        """Return the application `client_id` at `segment`; raises AADSTS700016 and 90002."""
        is_open = segment.lower() in OPEN_TENANTS
        tenants = self.directory.tenants if is_open else [self.tenant(segment)]
        for tenant in tenants:
            if app := tenant.application(client_id):
                return app
        raise EntraError(700016, app=client_id, tenant=segment)

    def check_resource(self, tenant: Tenant, resource: str) -> None:
        """Raise AADSTS500011 unless tokens may be issued for `resource`."""
        cluster = self._cluster.server_id
        if resource not in (cluster, f"spn:{cluster}") and not tenant.knows_resource(resource):
            raise EntraError(500011, resource=resource, tenant=tenant.name)

    def fail_if_scripted(self, object_id: str, client_id: str) -> None:
        """Raise the error that a test has scripted for this sign-in, if any."""
        with self.lock:
            for failure in self.failures:
                if failure.object_id not in ("", object_id):
                    continue
                if failure.client_id not in ("", client_id):
                    continue
                if failure.times is not None:
                    failure.times -= 1
                    if failure.times <= 0:
                        self.failures.remove(failure)
                raise EntraError(failure.code, claims=failure.claims)

    def forget(self) -> None:
        """Delete open sign-ins, scripted failures and revocations."""
        with self.lock:
            self.device_codes.clear()
            self.codes.clear()
            self.failures.clear()
        self.ledger.forget_revocations()
