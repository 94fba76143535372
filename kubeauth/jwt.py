"""What a JSON Web Token says of itself (RFC 7519), read without judging it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

__all__ = ["claims_of", "whose"]


def claims_of(token: str) -> dict[str, Any]:
    """Give the claims of a JWT, unverified; {} for what is not one.

    NOTE: for telling a person what a token says; whether it is true is for its audience to check.
    """
    part = token.split(".")[1] if token.count(".") >= 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def whose(token: str) -> str:
    """Give the name an access token of Entra ID is for: a person's, else an application's id."""
    claims = claims_of(token)
    names = ("upn", "preferred_username", "unique_name", "appid", "azp", "oid", "sub")
    return next((str(claims[name]) for name in names if claims.get(name)), "")
