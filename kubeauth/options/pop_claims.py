"""Read --pop-claims: claims to put into a signed request, as ``u=HOST,name=value``."""

from __future__ import annotations

from kubeauth.errors import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["read_claims"]

# Claims that the signature sets itself.
_RESERVED: Final = frozenset({"at", "ts", "cnf", "nonce", "p", "m"})
_HINT: Final = "give --pop-claims like u=/subscriptions/…/connectedClusters/NAME"


def read_claims(text: str) -> dict[str, str]:
    """Return the claims by name. A value may contain "=".

    Raises SettingsError for text in another form, and if the claim ``u`` (the host) is missing.
    """
    claims: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or not name.strip() or not value:
            raise SettingsError(f"pop-claims: {part.strip()!r} is not name=value", hint=_HINT)
        if name.strip() in _RESERVED or name.strip() in claims:
            raise SettingsError(
                f"pop-claims: {name.strip()!r} cannot be given"
                + (" twice" if name.strip() in claims else ""),
                hint="leave it out; kubeauth sets it"
                if name.strip() in _RESERVED
                else "give each claim once",
            )
        claims[name.strip()] = value
    if "u" not in claims:
        raise SettingsError("pop-claims: the claim u, the host, is required", hint=_HINT)
    return claims
