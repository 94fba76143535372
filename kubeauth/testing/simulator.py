"""The simulator: servers, directory, faults and log in one object."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.kubeconfig import kubeconfig
from kubeauth.testing.apiserver.service import ApiServer
from kubeauth.testing.arm.service import ResourceManager
from kubeauth.testing.entra.browser import Browser, browser_command
from kubeauth.testing.entra.cluster import Cluster
from kubeauth.testing.entra.directory import AKS_CLIENT_ID, Directory
from kubeauth.testing.entra.issuer import Issuer
from kubeauth.testing.entra.mint import Mint
from kubeauth.testing.entra.service import Entra
from kubeauth.testing.entra.state import EntraState, ScriptedFailure
from kubeauth.testing.identity.imds import Imds
from kubeauth.testing.identity.machine import Machine
from kubeauth.testing.identity_hosts import IdentityHosts
from kubeauth.testing.wire.clock import Clock
from kubeauth.testing.wire.faults import Faults
from kubeauth.testing.wire.requestlog import RequestLog
from kubeauth.testing.wire.server import Acceptor, Server
from kubeauth.testing.wire.tls import CertificateAuthority, server_context

if TYPE_CHECKING:
    from types import TracebackType

    from kubeauth.testing.entra.directory import Application, ManagedIdentity, Tenant, User
    from kubeauth.testing.entra.state import DeviceCode
    from kubeauth.testing.wire.http import Handler, Request


class Simulator:
    """Entra ID, IMDS, a Kubernetes API server and outside issuers on 127.0.0.1.

    It runs from its construction until `close`, or during a `with` block. Read the attributes
    `authority` (ends with a slash), `imds_url`, `hosts` (identity endpoints other than IMDS),
    `ca_file`, `ca_pem`, `tenant`, `cluster`, `requests` (the log), `faults`, `resource_manager` and
    `clock`.
    """

    def __init__(self, tenant_name: str = "contoso.example") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kubeauth-simulator-")
        ca = CertificateAuthority()
        self.ca_pem = ca.pem
        self.ca_file = Path(self._folder.name) / "ca.pem"
        self.ca_file.write_bytes(ca.pem)
        key_file = Path(self._folder.name) / "server.pem"
        key_file.touch(0o600)
        key_file.write_bytes(ca.server_pem())
        tls = server_context(key_file)
        self.clock, self.requests, self.faults = Clock(), RequestLog(), Faults()
        shared: Any = {"clock": self.clock, "log": self.requests, "faults": self.faults}
        entra_server = Server(self._route, tls=tls, **shared)
        imds_server = Server(self._route_on_machine, tls=None, **shared)
        api_server = Server(lambda _: ("apiserver", self._api), tls=tls, **shared)
        self._base = f"https://localhost:{entra_server.port}"
        self.authority = f"{self._base}/"
        self.imds_url = f"http://127.0.0.1:{imds_server.port}"
        self.cluster = Cluster(f"https://localhost:{api_server.port}", ca.pem)
        self._directory = Directory(self.clock)
        self._state = EntraState(self.clock, self._directory, self.authority, self.cluster)
        self.tenant = self._directory.add_tenant(tenant_name)
        self.tenant.add_resource(self._base)
        machine = Machine(self._state)
        self._entra, self._imds = Entra(self._state), Imds(machine)
        self.hosts = IdentityHosts(machine, self.imds_url, self.folder)
        fabric = self.hosts.service_fabric
        fabric_server = Server(lambda _: ("service-fabric", fabric), tls=fabric.tls, **shared)
        fabric.port = fabric_server.port
        self._api = ApiServer(self._state, self.cluster)
        self.resource_manager = ResourceManager(self._base, self._state, self.cluster)
        self.browser = Browser(self.ca_file)
        self._acceptor = Acceptor([entra_server, imds_server, api_server, fabric_server])
        self._closed = False

    def _route(self, request: Request) -> tuple[str, Handler]:
        for issuer in self._state.issuers:
            if request.path.startswith(issuer.path + "/"):
                return "issuer", issuer
        if self.resource_manager.serves(request.path):
            return "arm", self.resource_manager
        return "entra", self._entra

    def _route_on_machine(self, request: Request) -> tuple[str, Handler]:
        host = self.hosts.at(request.path)
        return ("imds", self._imds) if host is None else ("identity-host", host)

    def __enter__(self) -> Simulator:
        """Return the running simulator."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self.close()

    def close(self) -> None:
        """Stop the servers, close their connections, remove the temporary folder."""
        if self._closed:
            return
        self._closed = True
        self._api.store.close()
        self._acceptor.stop()
        self.hosts.arc.close()
        self._folder.cleanup()

    def reset(self) -> None:
        """Forget log, faults, open sign-ins, scripted errors and revocations; keep the directory.

        Settings (lifetimes, intervals, clock, the cluster's rules) return to what they were at
        the start, too.
        """
        self.requests.clear()
        self.faults.clear()
        self._state.forget()
        self._state.settings = type(self._state.settings)()
        self._imds.requests_per_second = None
        self.hosts.reset()
        self.clock.offset = 0.0
        self._api.reset()
        self.cluster.reset()
        self.resource_manager.reset()
        for tenant in self._directory.tenants:
            tenant.block_device_code = False

    # Tenants, identities and issuers

    def add_tenant(self, name: str = "", tenant_id: str | None = None) -> Tenant:
        """Add another tenant; the name `adfs` makes an AD FS, at `authority` + "adfs"."""
        number = len(self._directory.tenants)
        return self._directory.add_tenant(name or f"fabrikam-{number}.example", tenant_id)

    def add_managed_identity(
        self,
        tenant: Tenant | None = None,
        *,
        system_assigned: bool = False,
        client_id: str | None = None,
        resource_id: str | None = None,
    ) -> ManagedIdentity:
        """Give this machine an identity of `tenant`, the first one by default."""
        return self._directory.add_identity(
            tenant or self.tenant, system_assigned, client_id, resource_id
        )

    def add_issuer(self, url: str | None = None) -> Issuer:
        """Add an outside issuer.

        With `url` its tokens name that issuer (`https://token.actions.githubusercontent.com`), and
        this Entra ID knows its keys. Without it, the simulator serves the issuer's address.
        """
        path = f"/issuer-{len(self._state.issuers)}"
        issuer = Issuer(path, url or self._base + path, self._base, self.clock)
        self._state.issuers.append(issuer)
        return issuer

    # Events of a test

    def pending_device_codes(self) -> list[DeviceCode]:
        """Return the device sign-ins that wait for a person, oldest first (`.user_code`)."""
        return self._entra.device_flow.pending()

    def approve(self, user_code: str, user: User) -> None:
        """Let `user` approve a device sign-in; raises LookupError for an unknown code."""
        self._entra.device_flow.settle(user_code, "approved", user)

    def decline(self, user_code: str) -> None:
        """Decline a device sign-in; raises LookupError for an unknown code."""
        self._entra.device_flow.settle(user_code, "declined")

    def expire(self, user_code: str) -> None:
        """Let a device code expire now; raises LookupError for an unknown code."""
        self._entra.device_flow.settle(user_code, "expired")

    def revoke(self, who: User | Application | ManagedIdentity) -> None:
        """Revoke all tokens issued so far to one identity (AADSTS50173, 401 at the API server)."""
        self._state.ledger.revoke(who.object_id)

    def revoke_tokens(self) -> None:
        """Revoke all tokens issued so far."""
        self._state.ledger.revoke(None)

    def fail_next(
        self,
        code: int,
        *,
        times: int | None = 1,
        who: User | Application | ManagedIdentity | None = None,
        client_id: str = "",
        claims: str = "",
    ) -> None:
        """Answer the next `times` sign-ins that would succeed with error AADSTS`code`.

        `who` restricts this to one identity, `client_id` to one application; `times` None means
        forever. Codes of Conditional Access carry a `claims` challenge, by default an example.
        """
        object_id = who.object_id if who is not None else ""
        failure = ScriptedFailure(code, times, object_id, client_id, claims)
        with self._state.lock:
            self._state.failures.append(failure)

    def advance(self, seconds: float) -> None:
        """Move every "now" of the simulator; clients keep their own clocks."""
        self.clock.advance(seconds)

    # Tokens, variables and kubeconfigs

    def mint_token(
        self,
        who: User | Application | ManagedIdentity,
        *,
        audience: str | None = None,
        expires_in: float | None = None,
        **claims: Any,
    ) -> str:
        """Return an access token without a sign-in, by default for the cluster.

        `claims` replace the token's claims. `expires_in` is in seconds from now.
        """
        kind: dict[str, Any] = {"appid": getattr(who, "client_id", AKS_CLIENT_ID), "idtyp": "app"}
        if upn := getattr(who, "upn", ""):
            kind |= {"idtyp": "user", "upn": upn}
        if groups := getattr(who, "groups", ()):
            kind["groups"] = list(groups)
        if expires_in is not None:
            kind["exp"] = int(self.clock.now() + expires_in)
        mint = Mint(self._state)
        audience = audience or self.cluster.server_id
        return mint.access_token(who.tenant_id, audience, who.object_id, {**kind, **claims})

    def environ(self) -> dict[str, str]:
        """Return variables that make a child process trust the simulator and find its IMDS."""
        return {
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.imds_url,
            "REQUESTS_CA_BUNDLE": str(self.ca_file),
            "SSL_CERT_FILE": str(self.ca_file),
        }

    def browser_command(self, user: User, *, cancel: bool = False) -> str:
        """Return a value for the variable BROWSER: a program that signs `user` in, or cancels.

        The program fills in the page at the opened address as a person would, and follows the
        redirect to the program that waits on http://localhost.
        """
        person = {
            "ca_file": str(self.ca_file),
            "username": user.upn,
            "password": user.password or "",
            "cancel": cancel,
        }
        file = self.folder / f"person-{user.object_id}-{cancel}.json"
        file.touch(0o600)
        file.write_text(json.dumps(person), encoding="utf-8")
        return browser_command(file)

    def kubeconfig(
        self, style: str = "exec", context: str = "simulated", *, token: str = ""
    ) -> str:
        """Return a kubeconfig for the cluster.

        Styles "exec" and "azure" are those of `az aks get-credentials --format exec|azure`; style
        "token" holds the given `token`.
        """
        return kubeconfig(
            style=style,
            context=context,
            server=self.cluster.server,
            ca_pem=self.cluster.ca_pem,
            server_id=self.cluster.server_id,
            client_id=AKS_CLIENT_ID,
            tenant_id=self.tenant.id,
            token=token,
        )

    # Settings

    @property
    def folder(self) -> Path:
        """A private folder for files of tests; `close` removes it."""
        return Path(self._folder.name)

    @property
    def token_lifetime(self) -> int:
        """How long an access token lives, in seconds."""
        return self._state.settings.token_lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: int) -> None:
        self._state.settings.token_lifetime = seconds

    @property
    def refresh_in(self) -> int | None:
        """The `refresh_in` of Entra ID's answers, in seconds; None to leave it out."""
        return self._state.settings.refresh_in

    @refresh_in.setter
    def refresh_in(self, seconds: int | None) -> None:
        self._state.settings.refresh_in = seconds

    @property
    def device_code_interval(self) -> int:
        """How long a client should wait between two polls, in seconds."""
        return self._state.settings.device_code_interval

    @device_code_interval.setter
    def device_code_interval(self, seconds: int) -> None:
        self._state.settings.device_code_interval = seconds

    @property
    def device_code_page(self) -> str:
        """The page that a person is sent to with a device code; "" for the simulator's own."""
        return self._state.settings.device_code_page

    @device_code_page.setter
    def device_code_page(self, url: str) -> None:
        self._state.settings.device_code_page = url

    @property
    def reject_replayed_assertions(self) -> bool:
        """Whether Entra ID accepts a certificate's assertion only once.

        False by default, as at the real Entra ID: MSAL sends the same assertion for nine minutes.
        """
        return self._state.settings.reject_replayed_assertions

    @reject_replayed_assertions.setter
    def reject_replayed_assertions(self, value: bool) -> None:
        self._state.settings.reject_replayed_assertions = value

    @property
    def imds_requests_per_second(self) -> int | None:
        """The rate above which IMDS answers 429, None for no limit."""
        return self._imds.requests_per_second

    @imds_requests_per_second.setter
    def imds_requests_per_second(self, number: int | None) -> None:
        self._imds.requests_per_second = number
