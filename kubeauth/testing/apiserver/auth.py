"""Authentication of the API server: it accepts this Entra ID's tokens for this cluster.

Sources: Kubernetes "Authenticating" (webhook and OpenID Connect tokens), "Access token claims
reference", and for proof of possession draft-ietf-oauth-signed-http-request with RFC 7800.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm

from kubeauth.testing.wire.jwt import BadToken, peek, thumbprint, verify, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState

_SKEW = 300.0
_PROOF_LIFE = 900.0


class Refused(Exception):
    """The API server refuses a request; the text gives the reason to the test, not the client."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user who sent an accepted request, with the attributes that Kubernetes knows."""

    name: str
    uid: str
    groups: tuple[str, ...]


class Admission:
    """Checks the Authorization header."""

    def __init__(self, state: EntraState, cluster: Cluster) -> None:
        self._state = state
        self._cluster = cluster

    def identify(self, authorization: str) -> Identity:
        """Return who sent a request with this header; raises `Refused`."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused("no bearer token")
        try:
            if self._cluster.require_pop:
                return self._bound(token.strip())
            claims = self._access_claims(token.strip())
        except BadToken as error:
            raise Refused(str(error)) from error
        if "cnf" in claims:
            raise Refused("the token is bound to a key and was sent as a plain bearer token")
        return _identity(claims)

    def _access_claims(self, token: str) -> dict[str, Any]:
        claims = verify(token, self._state.signer.public_key, ["RS256"])
        tenant_ids = {tenant.id for tenant in self._state.directory.tenants}
        tid = claims.get("tid")
        if tid not in tenant_ids or claims.get("iss") != f"https://sts.windows.net/{tid}/":
            raise Refused(f"wrong issuer {claims.get('iss')!r}")
        server_id = self._cluster.server_id
        audiences = {server_id, f"spn:{server_id}"} if self._cluster.legacy else {server_id}
        if claims.get("aud") not in audiences:
            raise Refused(f"wrong audience {claims.get('aud')!r}")
        if not within(claims, self._state.clock.now(), _SKEW):
            raise Refused("expired or not yet valid")
        if self._state.ledger.access_revoked(str(claims.get("uti")), str(claims.get("oid"))):
            raise Refused("revoked")
        return claims

    def _bound(self, token: str) -> Identity:
        header, unverified = peek(token)
        if str(header.get("typ", "")).lower() != "pop":
            raise Refused("not a signed request (typ is not pop)")
        jwk = _confirmation_key(unverified)
        claims = verify(token, _public_key(jwk), ["RS256"])
        access = self._access_claims(str(claims.get("at", "")))
        bound_to = access.get("cnf")
        kid = bound_to.get("kid") if isinstance(bound_to, dict) else None
        if kid != thumbprint(jwk):
            raise Refused("signed with another key than the token is bound to")
        stamp = claims.get("ts")
        if not isinstance(stamp, (int, float)):
            raise Refused("there is no ts")
        if not -_SKEW <= self._state.clock.now() - stamp <= _PROOF_LIFE:
            raise Refused("ts is older than fifteen minutes, or in the future")
        if claims.get("u") != self._cluster.resource_id:
            raise Refused(f"u names another host, {claims.get('u')!r}")
        return _identity(access)


def impersonated(identity: Identity, headers: Mapping[str, str]) -> Identity:
    """Return the user for whom `identity` acts, by the headers of `kubectl --as`."""
    name = headers.get("impersonate-user", "")
    if not name:
        return identity
    group = headers.get("impersonate-group", "")
    groups = tuple(one.strip() for one in group.split(",") if one.strip())
    return Identity(name, headers.get("impersonate-uid", ""), (*groups, "system:authenticated"))


def _confirmation_key(claims: Mapping[str, Any]) -> dict[str, Any]:
    confirmation = claims.get("cnf")
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA" or not {"n", "e"} <= jwk.keys():
        raise Refused("cnf.jwk is not an RSA key")
    return jwk


def _public_key(jwk: dict[str, Any]) -> RSAPublicKey:
    try:
        public = {name: jwk[name] for name in ("kty", "n", "e")}
        key: Any = RSAAlgorithm.from_jwk(public)
    except (PyJWTError, ValueError, TypeError) as error:
        raise Refused("cnf.jwk is not an RSA key") from error
    found: RSAPublicKey = key
    return found


def _identity(claims: Mapping[str, Any]) -> Identity:
    oid = str(claims.get("oid", ""))
    groups = tuple(str(group) for group in claims.get("groups", ()))
    return Identity(str(claims.get("upn") or oid), oid, (*groups, "system:authenticated"))
