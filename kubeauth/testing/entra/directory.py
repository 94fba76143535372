"""The directory of Entra ID: tenants, applications, users, managed identities, resources."""

from __future__ import annotations

import secrets as random
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kubeauth.testing.wire.jwt import b64url, rsa_key
from kubeauth.testing.wire.tls import key_pem, self_signed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubeauth.testing.wire.clock import Clock

AKS_SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application that stands for every AKS cluster with Entra integration."""

AKS_CLIENT_ID = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
"""The public application that kubelogin signs people in with."""

AZURE_CLI_CLIENT_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The public application of the Azure CLI, which every tenant knows."""

EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"

_KNOWN_RESOURCES = (
    AKS_SERVER_ID,
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://graph.microsoft.com",
    "00000003-0000-0000-c000-000000000000",
    "https://vault.azure.net",
    "https://storage.azure.com",
    EXCHANGE_AUDIENCE,
)


def new_id() -> str:
    """Return a fresh GUID."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret; `expires_at` is epoch seconds, None for never."""

    value: str = field(repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A registered certificate with the thumbprints by which an assertion names it."""

    certificate: x509.Certificate = field(repr=False)

    @property
    def sha1(self) -> str:
        """The `x5t` value (RFC 7515 section 4.1.7)."""
        return b64url(self.certificate.fingerprint(hashes.SHA1()))  # noqa: S303  # the RFC's own

    @property
    def sha256(self) -> str:
        """The `x5t#S256` value (RFC 7515 section 4.1.8)."""
        return b64url(self.certificate.fingerprint(hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """The outside tokens that an application trusts; all three values must match exactly."""

    issuer: str
    subject: str
    audience: str = EXCHANGE_AUDIENCE


@dataclass(slots=True)
class Application:
    """An application registration together with its service principal in the tenant.

    `object_id` is the service principal's; clusters use it as the application's user name.
    `token_version` is that of the access tokens for this application as a resource
    (`requestedAccessTokenVersion` in its manifest): 1, as AKS has it, or 2.
    """

    client_id: str
    name: str
    tenant_id: str
    public: bool
    clock: Clock = field(repr=False)
    object_id: str = field(default_factory=new_id)
    redirect_uris: tuple[str, ...] = ("http://localhost",)
    groups: tuple[str, ...] = ()
    token_version: int = 1
    secrets: list[Secret] = field(default_factory=list, repr=False)
    certificates: list[Certificate] = field(default_factory=list, repr=False)
    federated: list[FederatedCredential] = field(default_factory=list)

    @property
    def secret(self) -> str:
        """The first client secret; raises ValueError for an application without one."""
        if not self.secrets:
            raise ValueError(f"application {self.name!r} has no client secret")
        return self.secrets[0].value

    def add_secret(self, value: str | None = None, expires_in: float | None = None) -> str:
        """Register a client secret and return it; `expires_in` is in seconds from now."""
        value = value or random.token_urlsafe(30)
        expires_at = None if expires_in is None else self.clock.now() + expires_in
        self.secrets.append(Secret(value, expires_at))
        return value

    def add_certificate(self, pem: bytes | str) -> None:
        """Register the first certificate of `pem`; ignore a private key in it."""
        data = pem.encode() if isinstance(pem, str) else pem
        self.certificates.append(Certificate(x509.load_pem_x509_certificate(data)))

    def new_certificate(self) -> bytes:
        """Register a new self-signed certificate; return its key and itself as one PEM."""
        key = rsa_key("certificate")
        pem = self_signed(key, self.name)
        self.add_certificate(pem)
        return key_pem(key) + pem

    def add_federated_credential(
        self, *, issuer: str, subject: str, audience: str = EXCHANGE_AUDIENCE
    ) -> FederatedCredential:
        """Trust tokens of an outside issuer ("Configure an app to trust an external IdP")."""
        credential = FederatedCredential(issuer, subject, audience)
        self.federated.append(credential)
        return credential


@dataclass(slots=True)
class User:
    """A person; `groups` are group object ids. An empty password matches every password."""

    upn: str
    tenant_id: str
    password: str | None = field(default=None, repr=False)
    groups: tuple[str, ...] = ()
    object_id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """An identity whose tokens IMDS issues."""

    tenant_id: str
    client_id: str
    object_id: str
    resource_id: str
    system_assigned: bool


class Tenant:
    """A directory, found by id or by name; case does not matter."""

    def __init__(self, name: str, clock: Clock, tenant_id: str | None = None) -> None:
        self.id = (tenant_id or new_id()).lower()
        self.name = name
        self.block_device_code = False
        self._clock = clock
        self._applications: dict[str, Application] = {}
        self._users: dict[str, User] = {}
        self._resources: set[str] = {_plain(resource) for resource in _KNOWN_RESOURCES}

    @property
    def is_adfs(self) -> bool:
        """Whether this directory is behind AD FS instead of Entra ID; its name says so."""
        return self.name == "adfs"

    def __repr__(self) -> str:
        """Return name and id."""
        return f"Tenant({self.name!r}, {self.id!r})"

    def add_application(
        self,
        name: str = "app",
        secrets: Iterable[str] = (),
        public: bool = False,
        client_id: str | None = None,
        redirect_uris: Iterable[str] = ("http://localhost",),
        groups: Iterable[str] = (),
    ) -> Application:
        """Register an application; add a secret to a confidential one without `secrets`."""
        app = Application(client_id or new_id(), name, self.id, public, self._clock)
        app.redirect_uris, app.groups = tuple(redirect_uris), tuple(groups)
        for value in secrets:
            app.add_secret(value)
        if not public and not app.secrets:
            app.add_secret()
        self._applications[app.client_id.lower()] = app
        self.add_resource(app.client_id)
        self.add_resource(f"api://{app.client_id}")
        return app

    def add_user(self, upn: str, password: str | None = None, groups: Iterable[str] = ()) -> User:
        """Add a person."""
        user = User(upn, self.id, password, tuple(groups))
        self._users[upn.lower()] = user
        return user

    def add_resource(self, identifier: str) -> None:
        """Let tokens be issued for the resource `identifier`."""
        self._resources.add(_plain(identifier))

    def application(self, client_id: str) -> Application | None:
        """Return the application, or None."""
        return self._applications.get(client_id.lower())

    def user(self, upn: str) -> User | None:
        """Return the person, or None."""
        return self._users.get(upn.lower())

    @property
    def users(self) -> list[User]:
        """All people in this tenant, in the order of `add_user`."""
        return list(self._users.values())

    def knows_resource(self, identifier: str) -> bool:
        """Return whether `identifier` (with or without `spn:`) is a resource of this tenant."""
        return _plain(identifier) in self._resources


def _plain(identifier: str) -> str:
    return identifier.removeprefix("spn:").rstrip("/").lower()


class Directory:
    """All tenants and managed identities of one simulator."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.tenants: list[Tenant] = []
        self.identities: list[ManagedIdentity] = []

    def add_tenant(self, name: str, tenant_id: str | None = None) -> Tenant:
        """Add a tenant that knows the public applications of AKS and of the Azure CLI."""
        tenant = Tenant(name, self._clock, tenant_id)
        tenant.add_application(
            "Azure Kubernetes Service AAD Client", public=True, client_id=AKS_CLIENT_ID
        )
        tenant.add_application("Microsoft Azure CLI", public=True, client_id=AZURE_CLI_CLIENT_ID)
        self.tenants.append(tenant)
        return tenant

    def tenant(self, segment: str) -> Tenant | None:
        """Return the tenant that an authority's path segment names, or None."""
        wanted = segment.lower()
        for tenant in self.tenants:
            if wanted in (tenant.id, tenant.name.lower()):
                return tenant
        return None

    def add_identity(
        self,
        tenant: Tenant,
        system_assigned: bool,
        client_id: str | None = None,
        resource_id: str | None = None,
    ) -> ManagedIdentity:
        """Add a managed identity; without a resource id it gets an example."""
        number = len(self.identities)
        resource = resource_id or (
            f"/subscriptions/{uuid.UUID(int=1)}/resourcegroups/rg/providers/"
            f"Microsoft.ManagedIdentity/userAssignedIdentities/identity-{number}"
        )
        identity = ManagedIdentity(
            tenant.id, client_id or new_id(), new_id(), resource, system_assigned
        )
        self.identities.append(identity)
        return identity
