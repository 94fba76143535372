"""The times that clients of Kubernetes and Entra ID rely on, as numbers."""

from __future__ import annotations

import pytest

from kubeauth.cache import state
from kubeauth.cache.renewal_throttle import RenewalThrottle
from kubeauth.cache.state import State, state_of
from kubeauth.cache.tokens import CachedToken
from kubeauth.token import AccessToken

NOW = 1_700_000_000.0


def kept(life: int, age: float = 60.0) -> CachedToken:
    return CachedToken(AccessToken("t", int(NOW) + life), NOW - age)


def test_the_pause_after_a_failure_is_half_a_minute() -> None:
    assert state.PAUSE_AFTER_FAILURE == 30


@pytest.mark.parametrize(
    ("life", "expected"),
    [(361, State.FRESH), (360, State.DUE), (30, State.DUE), (29, State.ABSENT)],
)
def test_a_token_is_fresh_for_all_but_six_minutes_and_usable_for_all_but_half_a_minute(
    life: int, expected: State
) -> None:
    assert state_of(kept(life, age=0), NOW) is expected


def test_a_token_is_not_taken_for_rejected_for_ten_seconds() -> None:
    assert state.YOUNG_FOR == 10
    assert state_of(kept(3600, age=9.9), NOW, rejected=True) is State.FRESH
    assert state_of(kept(3600, age=10), NOW, rejected=True) is State.REJECTED


@pytest.mark.parametrize(
    ("life", "age", "expected"),
    [
        # The clock of the machine that signed in may be a minute ahead.
        (3600, -60, State.FRESH),
        (3600, -61, State.ABSENT),
        # No token lives for more than a week, or ends before it begins.
        (7 * 86_400, 0, State.FRESH),
        (7 * 86_400 + 1, 0, State.ABSENT),
        (40, -39, State.DUE),
        (40, -40, State.ABSENT),
    ],
)
def test_a_token_with_times_that_cannot_be_true_does_not_count(
    life: int, age: int, expected: State
) -> None:
    assert state_of(kept(life, age), NOW) is expected


@pytest.mark.parametrize(("pause", "expected"), [(300, State.PAUSING), (301, State.FRESH)])
def test_no_pause_is_longer_than_five_minutes(pause: int, expected: State) -> None:
    token = AccessToken("t", int(NOW) + 86_400)
    assert state_of(CachedToken(token, NOW, retry_on=NOW + pause), NOW) is expected
    late = CachedToken(token, NOW - 86_400)
    assert state.next_try_on(late, NOW + 40_000) == NOW + 40_300


def test_the_first_pause_is_short_whoever_waits() -> None:
    hourly = kept(3600)
    for begun in (state.renewable_on(hourly), state.due_on(hourly)):
        assert state.next_try_on(hourly, begun) == begun + 30


def test_a_token_is_due_in_the_background_first() -> None:
    hourly = kept(3600)
    between = (state.renewable_on(hourly) + state.due_on(hourly)) / 2
    assert state_of(hourly, between) is State.FRESH
    assert state_of(hourly, between, ahead=True) is State.DUE


def test_a_token_that_is_due_at_once_is_not_spread() -> None:
    token = AccessToken("t", int(NOW) + 3600, refresh_on=int(NOW))
    assert state.due_on(CachedToken(token, NOW)) == NOW


def test_ten_tokens_that_worked_are_replaced_at_once_and_more_after_a_hundred_seconds() -> None:
    throttle = RenewalThrottle()
    for _ in range(10):
        assert throttle.allows(NOW, worked=True)
        throttle.note(NOW)
    assert not throttle.allows(NOW, worked=True)
    assert not throttle.allows(NOW + 99, worked=True)
    assert throttle.allows(NOW + 100, worked=True)


def test_a_token_that_never_worked_is_replaced_every_ten_seconds() -> None:
    throttle = RenewalThrottle()
    throttle.note(NOW)
    assert not throttle.allows(NOW + 9, worked=False)
    assert throttle.allows(NOW + 10, worked=False)
