"""Signing in as the managed identity of the Azure machine this runs on."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kubeauth import _env
from kubeauth.cache.tokens import Key
from kubeauth.errors import SettingsError, SignInRefused, Unreachable
from kubeauth.providers.base import Options, Provider
from kubeauth.settings import Settings
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    import requests
    from typing_extensions import Unpack

__all__ = ["ManagedIdentity"]

# "Acquiring a user token" in the documentation of Azure Cloud Shell.
_CLOUD_SHELL: Final = "http://localhost:50342/oauth2/token"
_ELSEWHERE: Final = "msi works on Azure machines only; elsewhere use another login such as azurecli"
# The variables by which an Azure service tells where its identity endpoint is. They are part of who
# this machine is, since homes are shared between machines.
_ENDPOINTS: Final = (
    _env.AZURE_POD_IDENTITY_AUTHORITY_HOST,
    _env.IDENTITY_ENDPOINT,
    _env.MSI_ENDPOINT,
    _env.AZUREPS_HOST_ENVIRONMENT,
)


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

    def _identity(self) -> dict[str, str]:
        environ = self._system.environ
        endpoints = {name: environ.get(name, "") for name in _ENDPOINTS}
        return {
            "login": self.login,
            "client": self._settings.client_id,
            "resource id": self._settings.identity_resource_id,
            "object id": self._settings.identity_object_id,
            "machine": platform.node(),
            **endpoints,
        }

    @property
    def _named(self) -> tuple[str, str]:
        """What names a user-assigned identity, as MSAL calls it, and the name; else both empty."""
        settings = self._settings
        for kind, value in (
            ("client_id", settings.client_id),
            ("resource_id", settings.identity_resource_id),
            ("object_id", settings.identity_object_id),
        ):
            if value:
                return kind, value
        return "", ""

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        import msal
        import requests

        from kubeauth.providers._entra_http import unreachable

        name = self._named[1]
        what = "sign-in as " + (f"managed identity {name}" if name else "the managed identity")
        session = self._system.open_session(
            environ=self._system.environ,
            ca_file=self._settings.ca_file,
            limit=self._settings.timeout,
            connect_limit=self._settings.connect_timeout,
            read_limit=self._settings.read_timeout,
            metadata=True,
        )
        asked_at = self._system.now()
        try:
            answer = self._ask(session)
            if "access_token" in answer:
                return AccessToken(
                    str(answer["access_token"]),
                    int(asked_at) + int(answer["expires_in"]),
                    answer.get("refresh_on"),
                )
        except requests.RequestException as error:
            failure = unreachable(what, error)
            raise Unreachable(str(failure), hint=_ELSEWHERE) from error
        except (ValueError, TypeError, KeyError, msal.ManagedIdentityError) as error:
            raise Unreachable(
                f"{what}: its endpoint gave no usable answer", hint=_ELSEWHERE
            ) from error
        raise self._refusal(answer, what)

    def _ask(self, session: requests.Session) -> dict[str, Any]:
        """Ask the endpoint that this machine has."""
        import msal

        shell = self._cloud_shell()
        if shell:
            return self._ask_cloud_shell(session, shell)
        kind, name = self._named
        identity: Any = msal.SystemAssignedManagedIdentity()
        if name:
            identity = msal.UserAssignedManagedIdentity(**{kind: name})
        client = msal.ManagedIdentityClient(identity, http_client=session)
        answer: dict[str, Any] = client.acquire_token_for_client(resource=self._settings.resource)
        return answer

    def _cloud_shell(self) -> str:
        """Give the endpoint of Azure Cloud Shell if this is one, which MSAL does not ask."""
        environ = self._system.environ
        if environ.get(_env.IDENTITY_ENDPOINT) or environ.get(_env.MSI_SECRET):
            return ""
        if environ.get(_env.MSI_ENDPOINT):
            return environ[_env.MSI_ENDPOINT]
        named = environ.get(_env.AZUREPS_HOST_ENVIRONMENT, "").lower()
        return _CLOUD_SHELL if named.startswith("cloud-shell") else ""

    def _ask_cloud_shell(self, session: requests.Session, url: str) -> dict[str, Any]:
        """Ask as azure-identity does; the identity is that of the person whose shell it is."""
        if self._named[1]:
            raise SettingsError(
                "login msi: in Cloud Shell there is only the identity of its user",
                hint="leave out --client-id, --identity-resource-id and --identity-object-id",
            )
        answer = session.post(
            url, data={"resource": self._settings.resource}, headers={"Metadata": "true"}
        )
        found: dict[str, Any] = answer.json()
        if answer.status_code >= 300:
            error = found.get("error")
            return {"error": error.get("code") if isinstance(error, dict) else error}
        return found

    def _refusal(self, answer: dict[str, Any], what: str) -> SignInRefused:
        """Make the error for a refusal.

        NOTE: only the error's name is shown. MSAL's description may hold the whole answer.
        """
        code = str(answer.get("error") or "unknown error")
        text = str(answer.get("error_description") or "").lower()
        if "identity not found" in text or "no managed identity" in text:
            return SignInRefused(
                f"{what}: this machine has no such identity",
                hint="assign the identity to the machine, or name another with --client-id",
                code=code,
            )
        if "multiple" in text:
            return SignInRefused(
                f"{what}: this machine has several identities",
                hint="name one with --client-id, --identity-resource-id or --identity-object-id",
                code=code,
            )
        return SignInRefused(f"{what}: its endpoint refused ({code})", hint=_ELSEWHERE, code=code)
