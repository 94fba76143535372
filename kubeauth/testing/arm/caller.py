"""Authentication of Resource Manager: it accepts this Entra ID's tokens for its own audiences.

Sources: "Authorize requests to Azure Resource Manager", RFC 6750, and "Claims challenges" in
Microsoft's identity platform documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubeauth.testing.arm.refused import Refused, unauthenticated
from kubeauth.testing.wire.jwt import BadToken, b64url, verify, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeauth.testing.entra.state import EntraState

_AUDIENCES = ("https://management.core.windows.net", "https://management.azure.com")
"""The public cloud's, which a simulated one answers to as well as to its own address."""
_SKEW = 300.0


@dataclass(frozen=True, slots=True)
class Challenge:
    """The claims (JSON text) that the next token must have been requested with."""

    claims: str


@dataclass(slots=True)
class Callers:
    """Checks the Authorization header; `challenges` refuse the next requests."""

    url: str
    state: EntraState = field(repr=False)
    challenges: list[Challenge] = field(default_factory=list)

    @property
    def audiences(self) -> tuple[str, ...]:
        """The public cloud's audiences, without the slash at the end."""
        return _AUDIENCES

    def identify(self, authorization: str) -> Mapping[str, Any]:
        """Return the claims of the caller's token; raises `Refused`."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "Authentication failed. The 'Authorization' header is missing or invalid."
            raise self._refused("AuthenticationFailed", message)
        try:
            claims = verify(token, self.state.signer.public_key, ["RS256"])
        except BadToken as error:
            raise self._refused(
                "InvalidAuthenticationToken", "The access token is invalid."
            ) from error
        if str(claims.get("aud")).rstrip("/") not in (*_AUDIENCES, self.url):
            message = (
                "The access token has been obtained for wrong audience or resource "
                f"'{claims.get('aud')}'. It should exactly match with one of the allowed audiences "
                + ", ".join(f"'{one}/'" for one in _AUDIENCES)
                + "."
            )
            raise self._refused("InvalidAuthenticationTokenAudience", message)
        if not within(claims, self.state.clock.now(), _SKEW):
            message = "The access token expiry UTC time is earlier than current UTC time."
            raise self._refused("ExpiredAuthenticationToken", message)
        if self.state.ledger.access_revoked(str(claims.get("uti")), str(claims.get("oid"))):
            raise self._refused("InvalidAuthenticationToken", "The access token has been revoked.")
        if self.challenges:
            challenge = b64url(self.challenges.pop(0).claims.encode())
            more = f', error_description="Continuous access evaluation", claims="{challenge}"'
            message = "Continuous access evaluation resulted in challenge."
            raise self._refused("InvalidAuthenticationToken", message, more)
        return claims

    def check_tenant(self, caller: Mapping[str, Any], tenant_id: str) -> None:
        """Refuse a token of another tenant than the subscription's."""
        if caller.get("tid") == tenant_id:
            return
        message = (
            f"The access token is from the wrong issuer 'https://sts.windows.net/"
            f"{caller.get('tid')}/'. It must match the tenant 'https://sts.windows.net/"
            f"{tenant_id}/' associated with this subscription."
        )
        raise self._refused("InvalidAuthenticationTokenTenant", message)

    def _refused(self, code: str, message: str, challenge: str = "") -> Refused:
        authority = f"{self.state.authority}{self.state.directory.tenants[0].id}"
        return unauthenticated(code, message, authority, challenge)
