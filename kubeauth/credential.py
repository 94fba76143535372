"""What gives tokens, in the two ways it is asked: by Kubernetes clients, and by Azure's SDK.

The second way is the protocols ``TokenCredential`` and ``SupportsTokenInfo`` of azure-core, met in
form only, so that nothing of Azure's SDK has to be there.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import overload

from kubeauth.errors import SettingsError
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import azure.core.credentials
    from typing_extensions import Self

__all__ = ["Credential"]

_AZURE = "azure.core.credentials"


class Credential(ABC):
    """Anything that gives tokens for one API server: a provider, a chain, an adapter.

    It may be used by many threads, and handed to any client of Azure's SDK as its credential. It
    holds nothing open; ``close`` and the ``with`` statement are there for that SDK.
    """

    @abstractmethod
    def token(self) -> AccessToken:
        """Give a token that the API server accepts; raises SignInError if none can be had."""

    @abstractmethod
    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Give another token in place of one that the API server has just rejected (401).

        If another call has replaced it already, that one's token is given. ``worked`` says that the
        server had admitted the token before, so that a new one is promising. Otherwise, if the last
        replacement is less than ten seconds ago, ``rejected`` itself is given back: one more would
        not help. Raises SignInError if a new one is needed and cannot be had.
        """

    @abstractmethod
    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> Credential:
        """Give a credential of the same identity for another resource.

        ``claims`` is a claims challenge, JSON text ("Claims challenges" in Microsoft's identity
        platform documentation): with it a new token is asked for at every call. Raises
        SettingsError for a tenant other than the one that was configured.
        """

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
        """Give a token, from the cache if it has a fresh one.

        Without arguments it is one for the API server, a kubeauth.AccessToken. With ``scopes`` (one
        of them) it is one for that resource, in azure-core's form where azure-core is in use.
        ``claims`` passes by the cache, see ``for_scope``. ``enable_cae`` changes nothing, and
        unknown arguments are ignored, as azure-core asks of credentials.

        Of many calls at once, in this process and others, one signs in and all get its token.
        Raises SignInError (see kubeauth.errors for its kinds) if none can be had.
        """
        token = self._meant(scopes, claims, tenant_id).token()
        azure = sys.modules.get(_AZURE) if scopes else None
        return azure.AccessToken(token.token, token.expires_on) if azure else token

    def get_token_info(
        self, *scopes: str, options: Mapping[str, Any] | None = None
    ) -> azure.core.credentials.AccessTokenInfo:
        """Give a token as ``get_token`` does, with ``refresh_on``.

        ``options`` may hold ``claims``, ``tenant_id`` and ``enable_cae``.
        """
        asked = options or {}
        found = self._meant(scopes, asked.get("claims"), asked.get("tenant_id")).token()
        token: Any = found
        if azure := sys.modules.get(_AZURE):
            token = azure.AccessTokenInfo(
                found.token, found.expires_on, refresh_on=found.refresh_on
            )
        return token  # type: ignore[no-any-return]  # AccessToken has the same attributes

    def _meant(
        self, scopes: tuple[str, ...], claims: str | None, tenant_id: str | None
    ) -> Credential:
        """Give the credential for what a client of Azure's SDK asked of this one."""
        if not scopes and not claims and not tenant_id:
            return self
        if len(scopes) > 1:
            raise SettingsError(
                f"a token for {len(scopes)} scopes at once is not available",
                hint="ask for one scope at a time, such as https://management.azure.com/.default",
            )
        return self.for_scope(
            scopes[0] if scopes else "", tenant_id=tenant_id or "", claims=claims or ""
        )

    def close(self) -> None:  # noqa: B027  # nothing to close is the rule
        """Do nothing; azure-core asks for it."""

    def __enter__(self) -> Self:
        """Give the credential itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""
        self.close()
