"""Signing in as an application with its client secret (RFC 6749 4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubeauth.cache.tokens import Key
from kubeauth.providers.base import Options, Provider
from kubeauth.settings import Settings
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ServicePrincipal"]


class ServicePrincipal(Provider):
    """A service principal (an application in a tenant) that has a client secret."""

    login: ClassVar[str] = "spn"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        client_secret: str,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                client_secret=client_secret,
                **options,
            ),
            system,
        )

    def _identity(self) -> dict[str, str]:
        return {**super()._identity(), "secret": self._settings.client_secret}

    def _sign_in(self, scope: str, key: Key) -> AccessToken:
        from kubeauth.providers._entra import Conversation

        conversation = Conversation(self._settings, self._authority, self._system)
        return conversation.client_token(self._settings.client_secret, scope)
