"""Read an access token's claims for people.

Sources: "Access token claims reference" and "Configure group claims" in Microsoft's identity
platform documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kubeauth.jwt import claims_of, whose
from kubeauth.token import epoch

__all__ = ["Facts", "date_of", "facts_of", "with_dates"]

_TIMES: Final = ("iat", "nbf", "exp", "auth_time", "xms_tcdt")


@dataclass(frozen=True, slots=True)
class Facts:
    """The claims of a token; "" or None for a claim that it lacks. Times are epoch seconds.

    With ``overage``, the person or application is in so many groups (more than 200) that the token
    names none of them.
    """

    kind: str
    name: str
    object_id: str
    application: str
    tenant: str
    audience: str
    issuer: str
    version: str
    groups: tuple[str, ...]
    overage: bool
    issued_at: int | None
    expires_at: int | None


def facts_of(token: str) -> Facts:
    """Return what a JWT says; nothing in it is verified."""
    claims = claims_of(token)

    def text(*names: str) -> str:
        return next((str(claims[name]) for name in names if claims.get(name)), "")

    groups = claims.get("groups")
    # Tokens of version 1 lack idtyp if the application did not ask for it.
    is_person = bool(text("upn", "preferred_username", "unique_name", "scp"))
    is_application = claims.get("idtyp") == "app" or not is_person
    return Facts(
        kind="application" if is_application else "user",
        name=whose(token),
        object_id=text("oid"),
        application=text("appid", "azp"),
        tenant=text("tid"),
        audience=text("aud"),
        issuer=text("iss"),
        version=text("ver"),
        groups=tuple(map(str, groups)) if isinstance(groups, list) else (),
        overage=_has_overage(claims),
        issued_at=_time(claims.get("iat")),
        expires_at=_time(claims.get("exp")),
    )


def _has_overage(claims: Mapping[str, Any]) -> bool:
    elsewhere = claims.get("_claim_names")
    return bool(claims.get("hasgroups")) or (isinstance(elsewhere, dict) and "groups" in elsewhere)


def _time(value: Any) -> int | None:
    try:
        return epoch(value)
    except (TypeError, ValueError):
        return None


def date_of(seconds: float | None, between: str = " ") -> str:
    """Return a time (epoch seconds) as a local date with its offset (ISO 8601); "" for None.

    ``between`` stands between date and time: a blank for people, T for programs (RFC 3339).
    """
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(between, "seconds")


def with_dates(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return a token's claims with their times as dates."""
    return {
        name: date_of(seconds, "T") if name in _TIMES and (seconds := _time(value)) else value
        for name, value in claims.items()
    }
