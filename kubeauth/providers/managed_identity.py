"""The login ``msi``: the managed identity of this Azure machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from kubeauth import _env
from kubeauth.adapters.answer import Answer
from kubeauth.adapters.http import HttpSession
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import unreachable
from kubeauth.cache.tokens import Key
from kubeauth.errors import SettingsError, SignInRefused, ToolError, Unreachable
from kubeauth.jwt import claims_of
from kubeauth.options.settings import Settings, origin_of
from kubeauth.providers._http_session import session_for
from kubeauth.providers._identity.answers import ELSEWHERE, check_identity, read_answer
from kubeauth.providers._identity.hosts import IMDS, Host, arc_key_file, find_host
from kubeauth.providers.base import Finding, Provider
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Final

    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["ManagedIdentity"]

# Azure services announce their identity endpoint in these variables. They are part of the cache
# key, since several machines may share one home folder.
_ENDPOINTS: Final = (
    _env.AZURE_POD_IDENTITY_AUTHORITY_HOST,
    _env.IDENTITY_ENDPOINT,
    _env.MSI_ENDPOINT,
    _env.AZUREPS_HOST_ENVIRONMENT,
)
# The agent's keys have 64 bytes; NOTE: never send a longer text to the endpoint.
_LONGEST_KEY: Final = 4096


class ManagedIdentity(Provider):
    """The machine's own identity, or the user-assigned one with this client, resource or object id.

    Asks the instance metadata service (IMDS), or the endpoint that App Service, Azure Machine
    Learning, Azure Arc, Service Fabric or Cloud Shell announce in the environment. In a pod with
    workload identity it is still the node's identity.
    """

    login: ClassVar[str] = "msi"

    def __init__(
        self,
        *,
        server_id: str,
        client_id: str = "",
        identity_resource_id: str = "",
        identity_object_id: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                client_id=client_id,
                identity_resource_id=identity_resource_id,
                identity_object_id=identity_object_id,
                **options,
            ),
            system,
        )

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Refuse settings that name two identities, since Azure would choose one of them."""
        other = "client_id" if settings.client_id else "identity_resource_id"
        if settings.identity_object_id and getattr(settings, other):
            flag = "--" + other.replace("_", "-")
            raise SettingsError(
                f"login {cls.login}: --identity-object-id and {flag} name two identities",
                hint=origin_of(settings, other) + "give one of them",
            )

    @classmethod
    def default_limits(cls, environ: Mapping[str, str]) -> dict[str, float]:
        """Return the limits of the identity endpoint that this machine has."""
        from kubeauth.adapters import limits

        found = {**super().default_limits(environ), "connect_timeout": limits.MACHINE_CONNECT_LIMIT}
        if find_host(environ).name == IMDS:
            found["timeout"] = limits.IMDS_LIMIT
        return found

    @classmethod
    def findings(cls, settings: Settings, system: System, authority: str) -> Iterator[Finding]:
        """Yield the identity endpoint of this machine."""
        host = find_host(system.environ)
        yield "(endpoint)", host.url, host.name

    def _identity(self) -> dict[str, str]:
        environ = self._system.environ
        endpoints = {name: environ.get(name, "") for name in _ENDPOINTS}
        return {
            "login": self.login,
            "client": self._settings.client_id,
            "resource id": self._settings.identity_resource_id,
            "object id": self._settings.identity_object_id,
            "machine": _machine_name(),
            **endpoints,
        }

    @property
    def _named(self) -> Sequence[str]:
        """The client, resource and object id of the user-assigned identity; most are empty."""
        settings = self._settings
        return settings.client_id, settings.identity_resource_id, settings.identity_object_id

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        host = find_host(self._system.environ)
        name = next(filter(None, self._named), "")
        what = "sign-in as " + (f"managed identity {name}" if name else "the managed identity")
        asked = self._question(host)
        asked_at = self._system.now()
        session = self._open(host)
        try:
            response = _ask(session, host, asked, what)
        except RequestFailed as error:
            if error.kind == "tls" and host.thumbprint:
                raise Unreachable(
                    f"{what}: {host.name} shows another certificate than the one it announces",
                    hint=f"check {_env.IDENTITY_SERVER_THUMBPRINT}, which {host.name} sets",
                ) from error
            reason = unreachable(what, error)
            if error.kind == "tls":
                raise reason from error
            # Elsewhere than on Azure, packets to the address of IMDS get lost.
            there = isinstance(error.__cause__, ConnectionResetError) or (
                error.kind == "timeout" and host.name != IMDS
            )
            kind = Unreachable if there else ToolError
            raise kind(str(reason), hint=ELSEWHERE) from error
        finally:
            session.close()
        token, answer = read_answer(response, host, what, int(asked_at))
        check_identity(host, asked, answer, what)
        self._check_audience(token)
        return token

    def _question(self, host: Host) -> Mapping[str, str]:
        """Return the request's parameters; raises SettingsError if ``host`` cannot take the id."""
        if not host.ids and any(self._named):
            raise SettingsError(
                f"login msi: {host.name} has one identity only and takes no id",
                hint="leave out --client-id, --identity-resource-id and --identity-object-id",
            )
        named = [(name, value) for name, value in zip(host.ids, self._named, strict=False) if value]
        return {**host.parameters, "resource": self._settings.resource, **dict(named[:1])}

    def _open(self, host: Host) -> HttpSession:
        imds = host.name == IMDS
        session = session_for(self._settings, self._system, machine=True, imds=imds)
        if host.thumbprint:
            from kubeauth.adapters.requests_session import trust_only

            trust_only(session.through_requests(), host.url, host.thumbprint)
        return session

    def _check_audience(self, token: AccessToken) -> None:
        """Warn about the prefix that Azure Container Instances puts before the audience."""
        audience = str(claims_of(token.token).get("aud", ""))
        if audience.startswith("spn:") and not self._settings.resource.startswith("spn:"):
            self._system.warn(
                f"the managed identity's token is for {audience}; clusters with AKS-managed Entra "
                "integration refuse the prefix spn:"
            )


def _machine_name() -> str:
    """Return this machine's name: folders of the cache may be shared between machines."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def _ask(session: HttpSession, host: Host, asked: Mapping[str, str], what: str) -> Answer:
    """Request a token; if the host asks for proof, send the key that only this machine can read."""
    headers = dict(host.headers)
    if host.method == "POST":
        return session.post(host.url, data=dict(asked), headers=headers)
    response = session.get(host.url, params=dict(asked), headers=headers)
    if not host.by_key_file or response.status_code != 401:
        return response
    key = _key(arc_key_file(response.headers.get("WWW-Authenticate", "")), what)
    return session.get(
        host.url, params=dict(asked), headers={**headers, "Authorization": f"Basic {key}"}
    )


def _key(file: str, what: str) -> str:
    """Read a one-time key of the Arc agent; raises SignInError."""
    if not file:
        raise SignInRefused(
            f"{what}: Azure Arc names no key file that may be read",
            hint="check that IDENTITY_ENDPOINT leads to the agent (`azcmagent show`)",
            code="no_key",
        )
    try:
        with open(file, encoding="ascii") as stream:
            key = stream.read(_LONGEST_KEY + 1).strip()
        if len(key) > _LONGEST_KEY or not key.isprintable():
            raise ValueError("not a key")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a key"
        raise SignInRefused(
            f"{what}: Azure Arc's key file {file} cannot be read ({reason})",
            hint="on Linux the user has to be in the group himds, on Windows in Hybrid agent "
            "extension applications or Administrators",
            code="no_key",
        ) from error
    return key
