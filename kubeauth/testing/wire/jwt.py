"""Sign and verify JSON Web Tokens (RFC 7519), by the simulator's clock."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kubeauth.testing.wire.tls import self_signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jwt.types import Options

_NO_CLAIM_CHECKS: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class BadToken(Exception):
    """A token is malformed or its signature does not verify; the text says which."""


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """Return the bytes of base64url text with or without padding; raises ValueError."""
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


@cache
def rsa_key(purpose: str) -> rsa.RSAPrivateKey:
    """Return this process's RSA-2048 key for `purpose`, made at its first use (30 to 100 ms)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the RFC 7638 thumbprint of an RSA public key."""
    members = {name: jwk[name] for name in ("e", "kty", "n")}
    return b64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def public_jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    """Return the RFC 7517 form of a public key."""
    numbers = key.public_numbers()
    n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
    e = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
    return {"kty": "RSA", "n": b64url(n), "e": b64url(e)}


class Signer:
    """Signs tokens as one issuer and publishes the key that verifies them."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self._jwk = public_jwk(self.public_key)
        pem = self_signed(key, "accounts.accesscontrol.windows.net")
        certificate = x509.load_pem_x509_certificate(pem)
        self._x5c = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
        # RFC 7517 section 4.8: x5t is a SHA-1 digest. Entra ID's kid is the same value.
        self.kid = b64url(certificate.fingerprint(hashes.SHA1()))  # noqa: S303  # the RFC's own

    def sign(self, claims: Mapping[str, Any], headers: Mapping[str, Any] | None = None) -> str:
        """Return `claims` as a compact JWS, RS256."""
        extra = {"kid": self.kid, **(headers or {})}
        return jwt.encode(dict(claims), self._key, algorithm="RS256", headers=extra)

    def jwks(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517) with Entra ID's members.

        `x5c` is the key's certificate and `x5t` its SHA-1 thumbprint of 20 bytes, which go-jose,
        and so a real API server, checks.
        """
        names = {"kid": self.kid, "x5t": self.kid, "x5c": [self._x5c]}
        return {"keys": [{**self._jwk, **names, "use": "sig", "alg": "RS256"}]}


def peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims without verifying the signature; raises `BadToken`."""
    try:
        head, body, _ = token.split(".")
        header, claims = (json.loads(b64url_decode(part)) for part in (head, body))
    except ValueError as error:
        raise BadToken("not a JSON Web Token") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("not a JSON Web Token")
    return header, claims


def verify(token: str, key: rsa.RSAPublicKey, algorithms: Sequence[str]) -> dict[str, Any]:
    """Return the claims of a token that `key` signed, without checking times; raises `BadToken`."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=list(algorithms), options=_NO_CLAIM_CHECKS
        )
    except jwt.PyJWTError as error:
        raise BadToken(str(error)) from error
    return claims


def within(claims: Mapping[str, Any], now: float, skew: float) -> bool:
    """Return whether `now` lies between `nbf` (less `skew` seconds) and `exp`.

    Allow no leeway after `exp`, so that a test sees expiry at once. Return False for a token
    without a numeric `exp`.
    """
    expires, starts = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, (int, float)) or not isinstance(starts, (int, float)):
        return False
    return starts - skew <= now < expires
