"""What every way to sign in gives back."""

from __future__ import annotations

from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


__all__ = ["AccessToken", "epoch", "token_text"]

# The last second that a calendar date can be written for.
_LATEST: Final = 253402300799


class AccessToken(Record):
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


def token_text(value: object) -> str:
    """Give what an issuer called a token, without white space around it.

    Raises TypeError or ValueError for what cannot stand in an Authorization header (RFC 6750 2.1).
    """
    if not isinstance(value, str):
        raise TypeError("the token is not text")
    text = value.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the token is empty, or holds what no token does")
    return text


def epoch(value: Any) -> int:
    """Read a time in seconds since the epoch, a number or digits; raises TypeError or ValueError.

    Milliseconds, which some programs give, are none: such a time lies after the year 9999.
    """
    try:
        seconds = int(value)
    except OverflowError as error:
        raise ValueError("the time is infinite") from error
    if not 0 < seconds <= _LATEST:
        raise ValueError("the time is out of any calendar")
    return seconds
