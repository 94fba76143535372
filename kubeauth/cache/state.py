"""Decide what to do with a cached token at a given time. Times are epoch seconds."""

from __future__ import annotations

from binascii import crc32

from kubeauth.cache.tokens import CachedToken
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "State",
    "due_on",
    "fresh_until",
    "next_try_on",
    "renewable_on",
    "state_of",
    "usable_until",
]

# Replace a token six minutes before it expires: in its last five minutes, Kubernetes clients run
# their plugin again, some on every request.
FRESH_FOR: Final = 360.0
# If a token cannot be replaced, return it while it has more than this many seconds left.
USABLE_FOR: Final = 30.0
# Once this share of its life is over, a token may be renewed in the background.
RENEWABLE_AFTER: Final = 0.7
# Machines that sign in at the same time must not renew at the same time: bring each token's renewal
# forward by a random part of its time, up to this share.
SPREAD: Final = 0.2
# After a replacement failed, use the old token for this long before the next attempt; seconds.
PAUSE_AFTER_FAILURE: Final = 30.0
_LONGEST_PAUSE: Final = 300.0
# Clocks of machines that share a home may differ by this; seconds.
CLOCK_SLACK: Final = 60.0
# No issuer gives a token for longer (managed identities: a day; continuous access evaluation: 28
# hours); seconds.
LONGEST_LIFE: Final = 7 * 86_400.0
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


def usable_until(token: AccessToken) -> float:
    """Return the time from which on Kubernetes clients would soon ask again for ``token``."""
    return token.expires_on - FRESH_FOR


def fresh_until(token: AccessToken) -> float:
    """Return the latest time until which the cache returns ``token`` without requesting another."""
    limit = usable_until(token)
    return limit if token.refresh_on is None else min(limit, token.refresh_on)


def due_on(kept: CachedToken) -> float:
    """Return the time from which a caller waits while ``kept`` is replaced."""
    return _spread(kept, fresh_until(kept.token))


def renewable_on(kept: CachedToken) -> float:
    """Return the time from which ``kept`` may be renewed in the background.

    It comes before ``due_on``, so that callers who come only now and then do not wait either.
    """
    life = kept.token.expires_on - kept.obtained_on
    return _spread(kept, min(fresh_until(kept.token), kept.obtained_on + RENEWABLE_AFTER * life))


def next_try_on(kept: CachedToken, now: float) -> float:
    """Return when to try again, after replacing ``kept`` failed at ``now``.

    Each pause is as long as the renewal has been failing, at most five minutes. In the token's last
    minutes all pauses are short.
    """
    if now >= usable_until(kept.token):
        return now + PAUSE_AFTER_FAILURE
    since = due_on(kept) if now >= due_on(kept) else renewable_on(kept)
    return now + min(max(now - since, PAUSE_AFTER_FAILURE), _LONGEST_PAUSE)


def _spread(kept: CachedToken, limit: float) -> float:
    """Return a time before ``limit``: random, but always the same for one token.

    A token ends with its signature, so a checksum of the end is as good as a random number.
    """
    chance = crc32(kept.token.token[-64:].encode()) / 2**32
    return limit - SPREAD * chance * max(0.0, limit - kept.obtained_on)


def _is_plausible(kept: CachedToken, now: float) -> bool:
    """Return whether a token's times can be true; a clock that jumped leaves others behind."""
    in_future = kept.obtained_on > now + CLOCK_SLACK
    life = kept.token.expires_on - kept.obtained_on
    return not in_future and 0 < life <= LONGEST_LIFE


def state_of(
    kept: CachedToken | None, now: float, *, rejected: bool = False, ahead: bool = False
) -> str:
    """Return the state of ``kept`` at ``now``.

    ``rejected`` says that the API server seems to reject the last token; it cannot have rejected a
    token that is younger than ten seconds. With ``ahead``, a token is due as soon as it may be
    renewed in the background.
    """
    if kept is None or kept.token.seconds_left(now) < USABLE_FOR or not _is_plausible(kept, now):
        return State.ABSENT
    if rejected and now - kept.obtained_on >= YOUNG_FOR:
        return State.REJECTED
    if now < kept.retry_on <= now + _LONGEST_PAUSE:
        return State.PAUSING
    return State.FRESH if now < (renewable_on if ahead else due_on)(kept) else State.DUE
