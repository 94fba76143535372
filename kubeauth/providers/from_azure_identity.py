"""Sign in with a credential of the package azure-identity, or with any other of Azure's SDK."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any, Final

from kubeauth.cache.renewal_throttle import RenewalThrottle
from kubeauth.cache.state import State, next_try_on, state_of
from kubeauth.cache.tokens import CachedToken
from kubeauth.credential import Credential
from kubeauth.errors import KubeauthError, SignInError, SignInRefused, Unreachable
from kubeauth.options.settings import Settings
from kubeauth.record import replace
from kubeauth.sanitize import sanitized
from kubeauth.system import System
from kubeauth.token import AccessToken, epoch, token_text

if TYPE_CHECKING:
    from azure.core.credentials import SupportsTokenInfo, TokenCredential

__all__ = ["FromAzureIdentity"]

_CODE: Final = re.compile(r"\bAADSTS\d+\b")


class FromAzureIdentity(Credential):
    """Any credential of Azure's SDK, for one API server.

    ``server_id`` is the audience of the token. The credential's own cache, retries and options
    apply; kubeauth caches the token in this object only. Failures become kubeauth's own errors.
    """

    def __init__(
        self,
        credential: TokenCredential | SupportsTokenInfo,
        *,
        server_id: str,
        system: System | None = None,
    ) -> None:
        self._credential: Any = credential
        self._scope = Settings(server_id=server_id).scope
        self._options: dict[str, Any] = {}
        self._system = system or System()
        self._lock = threading.Lock()
        self._kept: CachedToken | None = None
        self._throttle = RenewalThrottle()

    def __repr__(self) -> str:
        return f"FromAzureIdentity({type(self._credential).__name__}, scope={self._scope!r})"

    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> FromAzureIdentity:
        """Return the same credential for another resource; it decides which tenants it allows."""
        other = FromAzureIdentity(self._credential, server_id="", system=self._system)
        other._scope = scope or self._scope
        asked = {"tenant_id": tenant_id, "claims": claims}
        other._options = {name: value for name, value in asked.items() if value}
        return other

    def token(self) -> AccessToken:
        """Return the token of the last call while it is fresh, else a new one.

        If the credential fails, return the last token while it is usable.
        """
        with self._lock:
            kept, now = self._kept, self._system.now()
            state = state_of(kept, now)
            if kept is None or state not in (State.FRESH, State.PAUSING):
                try:
                    kept = self._asked(self._options)
                except SignInError:
                    if kept is None or state == State.ABSENT:
                        raise
                    kept = replace(kept, retry_on=next_try_on(kept, self._system.now()))
                self._kept = kept
            return kept.token

    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Return another token in place of one that the API server has rejected; see Credential.

        If the credential answers from its own cache, request a token newer than now with the claim
        ``nbf``, as continuous access evaluation does after a revocation.
        """
        with self._lock:
            now = self._system.now()
            if self._kept is not None and self._kept.token.token != rejected.token:
                return self._kept.token
            if not self._throttle.allows(now, worked=worked):
                return rejected
            self._kept = self._asked(self._options)
            if self._kept.token.token == rejected.token:
                newer = {"access_token": {"nbf": {"essential": True, "value": str(int(now))}}}
                self._kept = self._asked({"claims": json.dumps(newer), **self._options})
            self._throttle.note(now)
            return self._kept.token

    def _asked(self, options: dict[str, Any]) -> CachedToken:
        return CachedToken(self._token_of_credential(options), self._system.now())

    def _token_of_credential(self, options: dict[str, Any]) -> AccessToken:
        try:
            if hasattr(self._credential, "get_token_info"):
                got = self._credential.get_token_info(self._scope, options=options)
            else:
                got = self._credential.get_token(self._scope, **options)
            return AccessToken(
                token_text(got.token), epoch(got.expires_on), getattr(got, "refresh_on", None)
            )
        except KubeauthError:
            raise
        except Exception as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> SignInError:
        """Make one of kubeauth's errors from the credential's exception.

        NOTE: quote only the first line, without anything that looks like a token.
        """
        name = type(self._credential).__name__
        kinds = {kind.__name__ for kind in type(error).__mro__}
        text = sanitized((str(error).strip().splitlines() or [""])[0])
        what = f"sign-in with {name}: {text or type(error).__name__}"
        if code := _CODE.search(str(error)):
            return SignInRefused(
                what,
                hint="look the code up: https://login.microsoftonline.com/error?code="
                + code.group().removeprefix("AADSTS"),
                code=code.group(),
            )
        if "ClientAuthenticationError" in kinds:  # no answer, an unusable one, or a refusal
            return SignInError(what, hint=f"see the documentation of {name} for what it needs")
        if kinds & {"ServiceRequestError", "ServiceResponseError", "HttpResponseError"}:
            return Unreachable(what, hint="check the network and the proxy variables")
        return SignInError(what, hint=f"call {name}.get_token alone to see its whole error")
