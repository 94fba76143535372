"""JSON Web Tokens (RFC 7519): encode their parts, and read their claims without verifying them."""

from __future__ import annotations

import binascii
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["base64url", "claims_of", "from_base64url", "whose"]


def base64url(data: bytes) -> str:
    """Encode bytes as base64url without padding (RFC 7515, section 2)."""
    text = binascii.b2a_base64(data, newline=False).decode()
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def from_base64url(text: str) -> bytes:
    """Decode base64url with or without padding; raises ValueError."""
    plain = text.replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(plain + "=" * (-len(text) % 4))


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, not verified; {} if the text is not a JWT.

    NOTE: only the token's audience can verify the claims; use them to inform a person.
    """
    part = token.split(".")[1] if token.count(".") >= 2 else ""
    try:
        claims = json.loads(from_base64url(part))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def whose(token: str) -> str:
    """Return who an Entra ID access token is for: a person's name, else an application's id."""
    claims = claims_of(token)
    names = ("upn", "preferred_username", "unique_name", "appid", "azp", "oid", "sub")
    return next((str(claims[name]) for name in names if claims.get(name)), "")
