"""Access tokens, and checks of the text and times that issuers send."""

from __future__ import annotations

from kubeauth.record import Record, field
from kubeauth.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


__all__ = ["AccessToken", "epoch", "token_text"]

# The end of the year 9999, the last time that Python's datetime can express; epoch seconds.
_LATEST: Final = 253402300799


class AccessToken(Record):
    """A bearer token for one API server; its repr never shows the token.

    ``expires_on`` and ``refresh_on`` are epoch seconds. ``refresh_on`` is when the issuer wants
    clients to request the next token (Entra ID sends ``refresh_in``), or None. The names are those
    of azure-core's AccessTokenInfo, so clients of Azure's SDK accept this class.
    """

    token: str = field(repr=False)
    expires_on: int
    refresh_on: int | None = None

    def __post_init__(self) -> None:
        """Have the token show as stars wherever its fields are listed."""
        if type(self.token) is str:
            object.__setattr__(self, "token", Secret(self.token))

    def seconds_left(self, now: float) -> float:
        """Return the seconds from ``now`` (epoch seconds) until expiry; negative after expiry."""
        return self.expires_on - now


def token_text(value: object) -> str:
    """Return the token that an issuer sent, without white space around it.

    Raises TypeError or ValueError if it cannot stand in an Authorization header (RFC 6750 2.1).
    """
    if not isinstance(value, str):
        raise TypeError("the token is not text")
    text = value.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the token is empty, or holds characters that no token can have")
    return text


def epoch(value: Any) -> int:
    """Read a time in epoch seconds, a number or digits; raises TypeError or ValueError.

    Rejects timestamps in milliseconds, which some programs print: they lie after the year 9999.
    """
    try:
        seconds = int(value)
    except OverflowError as error:
        raise ValueError("the time is infinite") from error
    if not 0 < seconds <= _LATEST:
        raise ValueError("the time is out of any calendar")
    return seconds
