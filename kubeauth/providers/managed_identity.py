"""Signing in as the managed identity of the Azure machine this runs on."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kubeauth import _env
from kubeauth.cache.tokens import Key
from kubeauth.errors import SignInRefused, Unreachable
from kubeauth.providers.base import Options, Provider
from kubeauth.settings import Settings
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ManagedIdentity"]

_ELSEWHERE: Final = "msi works on Azure machines only; elsewhere use another login such as azurecli"
# The variables by which an Azure service tells where its identity endpoint is. They are part of who
# this machine is, since homes are shared between machines.
_ENDPOINTS: Final = (
    _env.AZURE_POD_IDENTITY_AUTHORITY_HOST,
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
)


class ManagedIdentity(Provider):
    """The machine's own identity, or the user-assigned one with this client id or resource id.

    Asks the instance metadata service (IMDS), or the endpoint that App Service, Azure Machine
    Learning, Azure Arc or Service Fabric announce in the environment.
    """

    login: ClassVar[str] = "msi"

    def __init__(
        self,
        *,
        server_id: str,
        client_id: str = "",
        identity_resource_id: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                client_id=client_id,
                identity_resource_id=identity_resource_id,
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
            "machine": platform.node(),
            **endpoints,
        }

    @property
    def _who(self) -> str:
        named = self._settings.client_id or self._settings.identity_resource_id
        return f"managed identity {named}" if named else "the system-assigned managed identity"

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        import msal
        import requests

        from kubeauth.providers._entra_http import unreachable

        what = f"sign-in as {self._who}"
        session = self._system.open_session(
            environ=self._system.environ,
            ca_file=self._settings.ca_file,
            limit=self._settings.timeout,
            metadata=True,
        )
        client = msal.ManagedIdentityClient(self._msal_identity(), http_client=session)
        asked_at = self._system.now()
        try:
            answer: dict[str, Any] = client.acquire_token_for_client(
                resource=self._settings.resource
            )
        except requests.RequestException as error:
            failure = unreachable(what, error)
            raise Unreachable(str(failure), hint=_ELSEWHERE) from error
        except (ValueError, msal.ManagedIdentityError) as error:
            raise Unreachable(
                f"{what}: its endpoint gave no usable answer", hint=_ELSEWHERE
            ) from error
        if "access_token" not in answer:
            raise self._refusal(answer, what)
        return AccessToken(
            str(answer["access_token"]),
            int(asked_at) + int(answer["expires_in"]),
            answer.get("refresh_on"),
        )

    def _msal_identity(self) -> Any:
        import msal

        if self._settings.client_id:
            return msal.UserAssignedManagedIdentity(client_id=self._settings.client_id)
        if self._settings.identity_resource_id:
            return msal.UserAssignedManagedIdentity(resource_id=self._settings.identity_resource_id)
        return msal.SystemAssignedManagedIdentity()

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
                hint="name one with --client-id or --identity-resource-id",
                code=code,
            )
        return SignInRefused(f"{what}: its endpoint refused ({code})", hint=_ELSEWHERE, code=code)
