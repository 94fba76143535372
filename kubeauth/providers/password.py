"""The login ``ropc``: a person's password (RFC 6749 4.3), a grant that OAuth 2.1 removes."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from kubeauth.cache.tokens import Key
from kubeauth.options.settings import Settings
from kubeauth.providers.base import Provider
from kubeauth.secret import slow_digest
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["Password"]


class Password(Provider):
    """A person who gives this program their user name and password.

    It works only for accounts without multi-factor authentication. Each sign-in warns about that.
    """

    login: ClassVar[str] = "ropc"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        username: str,
        password: str,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                username=username,
                password=password,
                **options,
            ),
            system,
        )

    def _identity(self) -> dict[str, str]:
        """Add the person and the password: a cached token must not hide a wrong password."""
        user = self._settings.username.lower()
        return {**super()._identity(), "user": user, "password": self._password_digest}

    @cached_property
    def _password_digest(self) -> str:
        """A digest of the password, which decides a file's name; a sign-in needs it twice."""
        settings = self._settings
        whose = f"{self._authority}{settings.tenant_id}/{settings.username.lower()}"
        return slow_digest(settings.password, whose)

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        from kubeauth.providers._entra.client import EntraClient

        entra = EntraClient(self._settings, self._authority, self._system, proof=self._proof)
        application = entra.public_application(entra.load_session(""))
        settings = self._settings

        def ask() -> Any:
            with warnings.catch_warnings():
                # MSAL's warning is for programmers; ours, below, is for the person.
                warnings.simplefilter("ignore", DeprecationWarning)
                return application.acquire_token_by_username_password(
                    settings.username, settings.password, scopes=[scope], data=entra.data
                )

        token = entra.token(ask)
        self._system.warn(
            "login ropc shows your password to this program and fails where multi-factor "
            "authentication is required; use interactive or devicecode if you can"
        )
        return token
