"""Decide what to do with a cached token at a given time. Times are epoch seconds."""

from __future__ import annotations

from kubeauth.cache.tokens import Kept
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["State", "fresh_until", "state_of"]

# Replace a token six minutes before it expires: in its last five minutes, Kubernetes clients run
# their plugin again, some on every request.
FRESH_FOR: Final = 360.0
# If a token cannot be replaced, return it while it has more than this many seconds left.
USABLE_FOR: Final = 30.0
# Do not treat a token as rejected in its first seconds.
YOUNG_FOR: Final = 10.0


class State:
    """What to do with a cached token.

    ABSENT: there is none, or it expires too soon; sign in.
    FRESH: return it.
    PAUSING: replacing it failed a moment ago; return it, and do not try again yet.
    DUE: replace it unless another call is doing so; if that fails, return it.
    REJECTED: the API server seems to reject it; replace it, or wait for the call that does.
    """

    ABSENT: Final = "absent"
    FRESH: Final = "fresh"
    PAUSING: Final = "pausing"
    DUE: Final = "due"
    REJECTED: Final = "rejected"


def fresh_until(token: AccessToken) -> float:
    """Return the time until which the cache returns ``token`` without requesting another."""
    limit = token.expires_on - FRESH_FOR
    return limit if token.refresh_on is None else min(limit, token.refresh_on)


def state_of(kept: Kept | None, now: float, *, rejected: bool = False) -> str:
    """Return the state of ``kept`` at ``now``.

    ``rejected`` says that the API server seems to reject the last token; it cannot have rejected a
    token that is younger than ten seconds.
    """
    if kept is None or kept.token.seconds_left(now) < USABLE_FOR:
        return State.ABSENT
    if rejected and now - kept.obtained_on >= YOUNG_FOR:
        return State.REJECTED
    if now < kept.retry_on:
        return State.PAUSING
    return State.FRESH if now < fresh_until(kept.token) else State.DUE
