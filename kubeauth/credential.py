"""The base of everything that returns tokens, to Kubernetes clients and to Azure's SDK.

For Azure's SDK it follows the protocols ``TokenCredential`` and ``SupportsTokenInfo`` of
azure-core, without importing azure-core.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping

from kubeauth.errors import SettingsError
from kubeauth.secret import unpicklable
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, SupportsIndex, overload

    import azure.core.credentials
    from typing_extensions import Self

    from kubeauth.aio import AsyncCredential

__all__ = ["Credential"]

_AZURE = "azure.core.credentials"


class Credential(ABC):
    """Anything that returns tokens for one API server: a provider, a chain, an adapter.

    Many threads may use it, and any client of Azure's SDK takes it as its credential. It holds no
    connection or file open; ``close`` and the ``with`` statement exist for that SDK.
    """

    def __copy__(self) -> Self:
        """Return another credential with the same attributes."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __reduce_ex__(self, _: SupportsIndex) -> Any:
        """Raise TypeError: a credential holds secrets, and locks of this process."""
        unpicklable("a credential")

    @abstractmethod
    def token(self) -> AccessToken:
        """Return a token for the API server; raises SignInError if signing in fails."""

    @abstractmethod
    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Return another token in place of one that the API server has just rejected (401).

        If another call has replaced ``rejected`` already, return that call's token. ``worked`` says
        that the server accepted the token before, so that a new one is likely to help. Without it,
        return ``rejected`` itself if the last replacement is less than ten seconds old, since one
        more would not help. Raises SignInError if signing in fails.
        """

    @abstractmethod
    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> Credential:
        """Return a credential of the same identity for another resource.

        ``claims`` is a claims challenge, JSON text ("Claims challenges" in Microsoft's identity
        platform documentation); with it every call requests a new token. Raises SettingsError for a
        tenant other than the configured one.
        """

    if TYPE_CHECKING:

        @overload
        def get_token(self) -> AccessToken: ...

        @overload
        def get_token(
            self,
            *scopes: str,
            claims: str | None = None,
            tenant_id: str | None = None,
            enable_cae: bool = False,
            **kwargs: Any,
        ) -> azure.core.credentials.AccessToken: ...

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return a token, from the cache if it has a fresh one.

        Without arguments, the token is a kubeauth.AccessToken for the API server. With one scope,
        it is a token for that resource, of azure-core's class if the program uses azure-core. With
        ``claims`` the call skips the cache, see ``for_scope``. ``enable_cae`` has no effect, and
        the call ignores unknown arguments, as azure-core requires of credentials.

        Of many calls at once, in this process and others, one signs in and all return its token.
        Raises SignInError (see kubeauth.errors for its kinds) if signing in fails.
        """
        token = self._for_request(scopes, claims, tenant_id).token()
        azure = sys.modules.get(_AZURE) if scopes else None
        return azure.AccessToken(str(token.token), token.expires_on) if azure else token

    def get_token_info(
        self, *scopes: str, options: Mapping[str, Any] | None = None
    ) -> azure.core.credentials.AccessTokenInfo:
        """Return a token as ``get_token`` does, with ``refresh_on``.

        ``options`` may hold ``claims``, ``tenant_id`` and ``enable_cae``.
        """
        asked = options or {}
        found = self._for_request(scopes, asked.get("claims"), asked.get("tenant_id")).token()
        token: Any = found
        if azure := sys.modules.get(_AZURE):
            token = azure.AccessTokenInfo(
                str(found.token), found.expires_on, refresh_on=found.refresh_on
            )
        return token  # type: ignore[no-any-return]  # AccessToken has the same attributes

    def _for_request(
        self, scopes: tuple[str, ...], claims: str | None, tenant_id: str | None
    ) -> Credential:
        """Return the credential that answers a request of a client of Azure's SDK."""
        if not scopes and not claims and not tenant_id:
            return self
        if len(scopes) > 1:
            raise SettingsError(
                f"one token cannot be for {len(scopes)} scopes",
                hint="ask for one scope at a time, such as https://management.azure.com/.default",
            )
        return self.for_scope(
            scopes[0] if scopes else "", tenant_id=tenant_id or "", claims=claims or ""
        )

    @property
    def aio(self) -> AsyncCredential:
        """This credential for asyncio, for clients of Azure's SDK below ``azure.….aio``."""
        from kubeauth.aio import AsyncCredential

        found = self.__dict__.get("_aio")
        # A copy for another scope starts with the attributes of its original.
        if not isinstance(found, AsyncCredential) or found.credential is not self:
            found = self.__dict__["_aio"] = AsyncCredential(self)
        return found

    def close(self) -> None:  # noqa: B027  # most credentials have nothing to close
        """Do nothing; azure-core's protocol requires this method."""

    def __enter__(self) -> Self:
        """Return the credential itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""
        self.close()
