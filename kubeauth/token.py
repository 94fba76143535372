"""What every way to sign in gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["AccessToken"]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token for one API server; its repr never shows the token.

    ``expires_on`` and ``refresh_on`` are in seconds since the epoch. ``refresh_on`` is when the
    issuer would like to be asked for the next token (Entra ID says ``refresh_in``), or None.
    The names are those of azure-core's AccessTokenInfo, so Azure SDK clients accept this one.
    """

    token: str = field(repr=False)
    expires_on: int
    refresh_on: int | None = None

    def seconds_left(self, now: float) -> float:
        """How many seconds the token still lives at ``now`` (epoch seconds); negative after."""
        return self.expires_on - now
