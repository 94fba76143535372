"""The key that tokens are bound to, and the requests that it signs.

Sources: "JSON Web Key Thumbprint" (RFC 7638), "Proof-of-Possession Key Semantics for JWTs" (RFC
7800), and the draft "A Method for Signing HTTP Requests for OAuth", in the form that Microsoft's
libraries send.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kubeauth.jwt import base64url, claims_of

__all__ = ["ProofKey", "bound_token"]


@dataclass(frozen=True, slots=True)
class ProofKey:
    """An RSA key; kubeauth sends only its public half."""

    _key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def new(cls) -> ProofKey:
        """Make a key, which takes 30 to 130 ms."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @classmethod
    def from_pem(cls, text: str) -> ProofKey:
        """Read a key from PEM text; raises ValueError or TypeError."""
        key = load_pem_private_key(text.encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("not an RSA key")
        return cls(key)

    def pem(self) -> str:
        """Return the private key as PEM text, not encrypted."""
        content = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return content.decode()

    @property
    def public(self) -> dict[str, str]:
        """The public half as a JWK (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        e, n = (
            base64url(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (numbers.e, numbers.n)
        )
        return {"e": e, "kty": "RSA", "n": n}

    @property
    def kid(self) -> str:
        """The thumbprint that names the key in a token (RFC 7638)."""
        return base64url(hashlib.sha256(_json(self.public)).digest())

    @property
    def request_fields(self) -> dict[str, str]:
        """The fields of a token request that bind the token to this key."""
        return {
            "token_type": "pop",
            "req_cnf": base64url(_json({"kid": self.kid, "xms_ksl": "sw"})),
        }

    def signed(self, token: str, claims: Mapping[str, str], now: float) -> str:
        """Return a signed request that holds ``token``, to send in its place.

        ``now`` is the time of signing, in epoch seconds.
        """
        kid = self.kid
        header = {"typ": "pop", "alg": "RS256", "kid": kid}
        payload = {
            **claims,
            "at": token,
            "ts": int(now),
            "cnf": {"jwk": {**self.public, "alg": "RS256", "kid": kid}},
            "nonce": secrets.token_hex(16),
        }
        content = f"{base64url(_json(header))}.{base64url(_json(payload))}"
        signature = self._key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{content}.{base64url(signature)}"


def bound_token(signed: str) -> str:
    """Return the token inside a signed request, or the text itself if it is not one."""
    return str(claims_of(signed).get("at", signed))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
