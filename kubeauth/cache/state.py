"""What a cached token is good for at a given time. Times are in epoch seconds."""

from __future__ import annotations

from kubeauth.cache.tokens import Kept
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["State", "fresh_until", "state_of"]

# Kubernetes clients run their plugin again, some on every request, in a token's last five minutes,
# so a token is replaced a minute before that.
FRESH_FOR: Final = 360.0
# A token that cannot be replaced is returned as long as it lives for this many seconds more.
USABLE_FOR: Final = 30.0
# A token is not taken for rejected in its first seconds.
YOUNG_FOR: Final = 10.0


class State:
    """What to do with a cached token.

    ABSENT: there is none, or it ends too soon to be of use; sign in.
    FRESH: return it.
    PAUSING: replacing it failed a moment ago; return it, and do not try again yet.
    DUE: replace it if no other call does; it still works if that fails.
    REJECTED: the API server seems to refuse it; replace it, and wait for whoever does.
    """

    ABSENT: Final = "absent"
    FRESH: Final = "fresh"
    PAUSING: Final = "pausing"
    DUE: Final = "due"
    REJECTED: Final = "rejected"


def fresh_until(token: AccessToken) -> float:
    """Return the time up to which ``token`` is returned without asking for another."""
    limit = token.expires_on - FRESH_FOR
    return limit if token.refresh_on is None else min(limit, token.refresh_on)


def state_of(kept: Kept | None, now: float, *, rejected: bool = False) -> str:
    """Return the state of ``kept`` at ``now``.

    ``rejected`` says that the API server seems to refuse the last token; a token younger than ten
    seconds is not the one it refused.
    """
    if kept is None or kept.token.seconds_left(now) < USABLE_FOR:
        return State.ABSENT
    if rejected and now - kept.obtained_on >= YOUNG_FOR:
        return State.REJECTED
    if now < kept.retry_on:
        return State.PAUSING
    return State.FRESH if now < fresh_until(kept.token) else State.DUE
