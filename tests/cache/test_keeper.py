"""Every state of a cached token, and every way from one to the next, on a clock that tests turn."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from kubeauth.cache.keeper import SignIn, TokenKeeper
from kubeauth.cache.renewal_throttle import RenewalThrottle
from kubeauth.cache.sign_in_lock import sign_in_lock
from kubeauth.cache.state import (
    CLOCK_SLACK,
    FRESH_FOR,
    LONGEST_LIFE,
    PAUSE_AFTER_FAILURE,
    SPREAD,
    USABLE_FOR,
    YOUNG_FOR,
    State,
    due_on,
    fresh_until,
    next_try_on,
    renewable_on,
    state_of,
)
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import CachedToken, Key
from kubeauth.errors import InteractionRequired, SignInCancelled, SignInRefused, Unreachable
from kubeauth.token import AccessToken

START = 1_700_000_000.0
LIFE = 3600
KEY = Key.of({"login": "test", "client": "c"}, "api/.default")


@dataclass
class World:
    """An authority that gives numbered tokens, a clock, and a cache in a folder."""

    folder: Path
    time: float = START
    asked: int = 0
    failure: Exception | None = None
    possible: bool = True
    evidence: str = ""
    meanwhile: Callable[[], None] = lambda: None
    before_lock: Callable[[], object] = lambda: None
    warnings: list[str] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)

    def keeper(
        self, *, caller: str = "", unattended: str = "", patience: float = 0.2
    ) -> TokenKeeper:
        store = Store(self.folder, "file", self.warnings.append)
        sign_in = SignIn(
            key=lambda: KEY,
            check_possible=self.check_possible,
            new_token=self.new_token,
            evidence=lambda: self.evidence,
            about=lambda token: {"user": token.token},
            lock_name=self.lock_name,
            patience=patience,
            show_waiting=self.shown.append,
        )
        return TokenKeeper(store, sign_in, lambda: self.time, caller, unattended)

    def check_possible(self, key: Key) -> None:
        if not self.possible:
            raise InteractionRequired("a person has to sign in", hint="find one")

    def lock_name(self, key: Key) -> str:
        """Return it, after another call has done what it does before this one has the lock."""
        first, self.before_lock = self.before_lock, lambda: None
        first()
        return key.digest

    def new_token(self, key: Key, begun: float) -> AccessToken:
        self.asked += 1
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        return AccessToken(f"token {self.asked}", int(self.time) + LIFE)

    def lost_network(self) -> None:
        self.failure = Unreachable("no network", hint="wait")

    def token(self, **asked: bool) -> str:
        return self.keeper().token(**asked).token.token


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "cache")


def held(life: float, *, age: float = 60.0, retry_in: float = 0.0, refresh_in: int | None = None):
    """A cached token that still lives ``life`` seconds at START."""
    refresh_on = None if refresh_in is None else int(START) + refresh_in
    token = AccessToken("held", int(START + life), refresh_on)
    return CachedToken(token, START - age, START + retry_in if retry_in else 0.0)


class TestState:
    @pytest.mark.parametrize(
        ("kept", "rejected", "state"),
        [
            (None, False, State.ABSENT),
            (None, True, State.ABSENT),
            (held(-1), False, State.ABSENT),
            (held(USABLE_FOR - 1), False, State.ABSENT),
            (held(USABLE_FOR - 1), True, State.ABSENT),
            (held(USABLE_FOR - 1, retry_in=20), False, State.ABSENT),
            (held(USABLE_FOR), False, State.DUE),
            (held(FRESH_FOR), False, State.DUE),
            (held(FRESH_FOR + 1, age=0), False, State.FRESH),
            (held(LIFE, age=0, refresh_in=1), False, State.FRESH),
            (held(LIFE, refresh_in=0), False, State.DUE),
            (held(FRESH_FOR, refresh_in=LIFE), False, State.DUE),
            (held(USABLE_FOR, retry_in=1), False, State.PAUSING),
            (held(LIFE, retry_in=1), False, State.PAUSING),
            (held(USABLE_FOR, retry_in=-1), False, State.DUE),
            (held(LIFE, age=YOUNG_FOR), True, State.REJECTED),
            (held(LIFE, age=YOUNG_FOR - 1), True, State.FRESH),
            (held(USABLE_FOR, age=YOUNG_FOR - 1), True, State.DUE),
            (held(LIFE, retry_in=1), True, State.REJECTED),
            # A clock was wrong when the token came, or is wrong now.
            (held(LIFE, age=-CLOCK_SLACK), False, State.FRESH),
            (held(LIFE, age=-CLOCK_SLACK - 1), False, State.ABSENT),
            (held(LIFE, age=-86_400.0), False, State.ABSENT),
            (held(10 * 365 * 86_400.0), False, State.ABSENT),
            (held(LONGEST_LIFE - 60), False, State.FRESH),
            (held(LONGEST_LIFE - 59), False, State.ABSENT),
            (held(LIFE, retry_in=10 * 365 * 86_400.0), False, State.FRESH),
        ],
    )
    def test_follows_from_time_and_question(
        self, kept: CachedToken | None, rejected: bool, state: State
    ) -> None:
        assert state_of(kept, START, rejected=rejected) is state

    def test_a_token_is_fresh_until_the_issuer_or_its_end_says_so(self) -> None:
        assert fresh_until(held(LIFE).token) == START + LIFE - FRESH_FOR
        assert fresh_until(held(LIFE, refresh_in=100).token) == START + 100
        assert fresh_until(held(LIFE, refresh_in=LIFE).token) == START + LIFE - FRESH_FOR


class TestSpread:
    """Ten thousand machines that signed in together do not ask together again."""

    TOKENS: ClassVar = [
        CachedToken(AccessToken(f"signature {n}", int(START) + LIFE, refresh_on), START)
        for n in range(1000)
        for refresh_on in (None, int(START) + 1000)
    ]

    @pytest.mark.parametrize("when", [due_on, renewable_on])
    def test_no_token_is_due_later_than_its_issuer_or_its_end_allows(
        self, when: Callable[[CachedToken], float]
    ) -> None:
        for kept in self.TOKENS:
            limit = fresh_until(kept.token) - START
            assert 0 < when(kept) - START <= limit
            assert when(kept) == when(kept)

    def test_all_minutes_have_their_share(self) -> None:
        hourly = [kept for kept in self.TOKENS if kept.token.refresh_on is None]
        minutes = [int(renewable_on(kept) - START) // 60 for kept in hourly]
        assert (min(minutes), max(minutes)) == (33, 41)
        assert max(minutes.count(minute) for minute in set(minutes)) < 0.2 * len(minutes)

    def test_the_background_comes_before_anybody_waits(self) -> None:
        for kept in self.TOKENS:
            assert renewable_on(kept) <= due_on(kept)


class TestAhead:
    def test_replaces_a_token_that_nobody_waits_for(self, world: World) -> None:
        first = world.keeper().token()
        world.time = renewable_on(first) - 1
        assert world.token(ahead=True) == "token 1"
        world.time += 1
        assert world.token() == "token 1"
        assert world.token(ahead=True) == "token 2"

    def test_the_pauses_grow_while_it_fails(self, world: World) -> None:
        kept = world.keeper().token()
        world.lost_network()
        world.time = renewable_on(kept)
        pauses = []
        while world.time < due_on(kept):
            assert world.token(ahead=True) == "token 1"
            pauses.append(next_try_on(kept, world.time) - world.time)
            world.time += pauses[-1]
        assert pauses == pytest.approx([30, 30, 60, 120, 240, 300], abs=1)
        assert world.asked == 1 + len(pauses), "none of the tries came too early"


class TestToken:
    def test_absent_signs_in_and_fresh_does_not(self, world: World) -> None:
        assert world.token() == "token 1"
        world.time += (LIFE - FRESH_FOR) * (1 - SPREAD) - 1
        assert world.token() == "token 1"
        assert world.asked == 1

    def test_due_is_replaced(self, world: World) -> None:
        world.token()
        world.time += LIFE - FRESH_FOR
        assert world.token() == "token 2"
        assert world.token() == "token 2"

    def test_due_with_a_failing_sign_in_pauses_and_then_tries_again(self, world: World) -> None:
        world.token()
        world.time += LIFE - FRESH_FOR
        world.lost_network()
        assert world.token() == "token 1"
        world.time += PAUSE_AFTER_FAILURE - 1
        assert world.token() == "token 1"
        assert world.asked == 2, "no try during the pause"
        world.time += 1
        world.failure = None
        assert world.token() == "token 3"

    def test_a_failing_sign_in_without_a_token_that_works_is_an_error(self, world: World) -> None:
        world.token()
        world.time += LIFE - USABLE_FOR + 1
        world.lost_network()
        with pytest.raises(Unreachable):
            world.token()

    def test_a_person_who_declines_is_not_passed_over(self, world: World) -> None:
        world.token()
        world.time += LIFE - FRESH_FOR
        world.failure = SignInCancelled("declined", hint="again")
        with pytest.raises(SignInCancelled):
            world.token()

    def test_rejected_is_replaced_once_it_is_not_young(self, world: World) -> None:
        world.token()
        world.time += YOUNG_FOR - 1
        assert world.token(rejected=True) == "token 1"
        world.time += 1
        assert world.token(rejected=True) == "token 2"

    def test_rejected_falls_back_to_the_old_token(self, world: World) -> None:
        world.token()
        world.time += YOUNG_FOR
        world.lost_network()
        assert world.token(rejected=True) == "token 1"

    def test_who_insists_gets_a_new_one_or_an_error(self, world: World) -> None:
        world.token()
        assert world.token(insists=True) == "token 2"
        world.lost_network()
        with pytest.raises(Unreachable):
            world.token(insists=True)

    def test_what_has_no_chance_fails_before_anything_is_waited_for(self, world: World) -> None:
        world.possible = False
        with sign_in_lock(world.keeper().store, KEY.digest, 0) as mine:
            assert mine
            with pytest.raises(InteractionRequired):
                world.keeper(patience=60).token()
        assert world.asked == 0

    def test_a_token_that_works_needs_no_chance(self, world: World) -> None:
        world.token()
        world.possible = False
        world.time += LIFE - FRESH_FOR
        assert world.token() == "token 2"


class TestLock:
    """Another call holds the lock: each test gets it first, in a thread of its own."""

    @pytest.fixture
    def holder(self, world: World):
        release, taken = threading.Event(), threading.Event()

        def hold() -> None:
            with sign_in_lock(world.keeper().store, KEY.digest, 1) as mine:
                assert mine
                taken.set()
                release.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        assert taken.wait(10)
        yield release
        release.set()
        thread.join()

    def test_due_does_not_wait_for_it(self, world: World, request: pytest.FixtureRequest) -> None:
        world.token()
        world.time += LIFE - FRESH_FOR
        request.getfixturevalue("holder")
        assert world.keeper(patience=60).token().token.token == "token 1"
        assert world.asked == 1

    @pytest.mark.slow
    def test_only_a_long_wait_is_shown_until_it_is_over(
        self, world: World, request: pytest.FixtureRequest
    ) -> None:
        release = request.getfixturevalue("holder")
        threading.Timer(4, release.set).start()
        world.keeper(patience=1).token()
        assert world.shown == []
        world.keeper(patience=30).token(insists=True)
        assert world.shown == [True, False]

    def test_rejected_that_waited_in_vain_returns_the_old(
        self, world: World, request: pytest.FixtureRequest
    ) -> None:
        world.token()
        world.time += YOUNG_FOR
        request.getfixturevalue("holder")
        assert world.keeper(patience=0.1).token(rejected=True).token.token == "token 1"
        assert world.asked == 1

    def test_absent_that_waited_too_long_signs_in_all_the_same(
        self, world: World, holder: threading.Event
    ) -> None:
        assert world.keeper(patience=0.1).token().token.token == "token 1"

    def test_absent_takes_what_the_holder_leaves(self, world: World) -> None:
        """The first call leaves its token while the second one waits for the lock."""
        entered, answers = threading.Event(), []

        def second() -> None:
            entered.set()
            answers.append(world.keeper(patience=30).token().token.token)

        thread = threading.Thread(target=second)

        def meanwhile() -> None:
            thread.start()
            entered.wait(10)

        world.meanwhile = meanwhile
        assert world.token() == "token 1"
        thread.join(30)
        assert (answers, world.asked) == (["token 1"], 1)

    def test_rejected_takes_what_another_call_got_in_its_place(self, world: World) -> None:
        world.token()
        world.time += YOUNG_FOR
        world.before_lock = lambda: world.token(rejected=True)
        assert world.token(rejected=True) == "token 2"
        assert world.asked == 2

    def test_due_takes_the_pause_of_another_call_that_failed(self, world: World) -> None:
        world.token()
        world.time += LIFE - FRESH_FOR
        world.lost_network()
        world.before_lock = world.token
        assert world.token() == "token 1"
        assert world.asked == 2, "one try for both"

    def test_rejected_tries_again_after_another_call_that_failed(self, world: World) -> None:
        world.token()
        world.time += YOUNG_FOR
        world.lost_network()
        world.before_lock = lambda: world.token(rejected=True)
        assert world.token(rejected=True) == "token 1"
        assert world.asked == 3, "the same token with a pause is no news"

    def test_who_waited_for_a_failure_shares_it(self, world: World) -> None:
        entered, failures = threading.Event(), []

        def second() -> None:
            entered.set()
            try:
                world.keeper(patience=30).token()
            except Unreachable as error:
                failures.append(str(error))

        thread = threading.Thread(target=second)

        def meanwhile() -> None:
            thread.start()
            entered.wait(10)
            # Let the second call read the clock before it moves on.
            threading.Event().wait(0.3)
            world.time += 1

        world.meanwhile = meanwhile
        world.lost_network()
        with pytest.raises(Unreachable):
            world.token()
        thread.join(30)
        assert (failures, world.asked) == (["no network"], 1)


class TestFailures:
    def test_the_same_caller_gets_the_same_failure_for_a_moment(self, world: World) -> None:
        world.lost_network()
        for _ in range(3):
            with pytest.raises(Unreachable, match="no network"):
                world.keeper(caller="kubectl 1").token()
        assert world.asked == 1
        world.time += 6
        world.failure = None
        assert world.keeper(caller="kubectl 1").token().token.token == "token 2"

    def test_another_caller_tries_itself(self, world: World) -> None:
        world.lost_network()
        for caller in ("kubectl 1", "kubectl 2", "", ""):
            with pytest.raises(Unreachable):
                world.keeper(caller=caller).token()
        assert world.asked == 4

    def test_a_clock_that_went_back_remembers_no_failure(self, world: World) -> None:
        world.lost_network()
        with pytest.raises(Unreachable):
            world.keeper(caller="kubectl 1").token()
        world.time -= 3600
        world.failure = None
        assert world.keeper(caller="kubectl 1").token().token.token == "token 2"


class TestWhoRetriesForEver:
    """An informer asks again and again with a secret that is refused."""

    DAY = 86_400

    def ask(self, world: World, caller: str = "7 informer", *, alone: bool = True) -> None:
        keeper = world.keeper(caller=caller, unattended=caller if alone else "")
        with contextlib.suppress(SignInRefused):
            keeper.token()

    @pytest.fixture
    def refused(self, world: World) -> World:
        world.failure = SignInRefused("wrong secret", hint="use another", code="AADSTS7000215")
        return world

    @pytest.mark.parametrize(
        "every",
        [*(pytest.param(every, marks=pytest.mark.slow) for every in (1.0, 5.0)), 12.5, 30.0],
    )
    def test_causes_less_than_200_requests_a_day(self, refused: World, every: float) -> None:
        while refused.time < START + self.DAY:
            self.ask(refused)
            refused.time += every
        assert 100 < refused.asked < 200

    def test_its_pause_grows_to_ten_minutes(self, refused: World) -> None:
        asked_on = []
        while refused.time < START + 7200:
            before = refused.asked
            self.ask(refused)
            if refused.asked > before:
                asked_on.append(refused.time)
            refused.time += 1
        pauses = [later - earlier for earlier, later in pairwise(asked_on)]
        assert pauses[:9] == [6, 11, 21, 41, 81, 161, 321, 601, 601]
        assert set(pauses[9:]) == {601}

    def test_a_lost_network_makes_no_pause_longer(self, world: World) -> None:
        world.lost_network()
        for number in range(1, 20):
            for _ in range(2):  # the second call comes at once, and gets the same failure
                with pytest.raises(Unreachable):
                    world.keeper(caller="7 informer", unattended="7 informer").token()
            assert world.asked == number
            world.time += 6

    @pytest.mark.slow
    def test_several_at_once_are_each_held(self, refused: World) -> None:
        while refused.time < START + self.DAY:
            for informer in ("7 informer", "8 informer", "9 informer"):
                self.ask(refused, informer)
            refused.time += 30
        assert 300 < refused.asked < 600

    def test_a_program_that_is_no_kubernetes_client_is_held_after_refusals(
        self, refused: World
    ) -> None:
        while refused.time < START + self.DAY:
            with contextlib.suppress(SignInRefused):
                refused.keeper(unattended="10 controller").token()
            refused.time += 15
        assert 100 < refused.asked < 200

    def test_such_a_program_tries_a_lost_network_again_at_once(self, world: World) -> None:
        world.lost_network()
        for _ in range(10):
            with pytest.raises(Unreachable):
                world.keeper(unattended="10 controller").token()
        assert world.asked == 10

    def test_it_is_not_held_when_what_it_shows_has_changed(self, refused: World) -> None:
        for _ in range(1000):
            self.ask(refused)
            refused.time += 5
        before, refused.evidence = refused.asked, "another token in the file"
        self.ask(refused)
        assert refused.asked == before + 1
        refused.time += 6
        self.ask(refused)
        assert refused.asked == before + 2

    def test_more_processes_than_it_remembers(self, refused: World) -> None:
        for number in range(100):
            self.ask(refused, f"{number} informer")
        self.ask(refused, "99 informer")
        self.ask(refused, "68 informer")
        assert refused.asked == 100
        self.ask(refused, "67 informer")
        assert refused.asked == 101, "only 32 are remembered"

    def test_another_process_is_not_held(self, refused: World) -> None:
        for _ in range(2000):
            self.ask(refused)
            refused.time += 5
        before = refused.asked
        self.ask(refused, "8 kubectl")
        assert refused.asked == before + 1

    def test_a_person_at_a_terminal_is_not_held(self, refused: World) -> None:
        for _ in range(100):
            self.ask(refused, alone=False)
            refused.time += 6
        assert refused.asked == 100

    def test_a_lost_network_is_tried_again_soon(self, world: World) -> None:
        world.lost_network()
        for _ in range(100):
            with pytest.raises(Unreachable):
                world.keeper(caller="7 informer", unattended="7 informer").token()
            world.time += 6
        assert world.asked == 100

    def test_a_success_starts_anew(self, refused: World) -> None:
        for _ in range(1000):
            self.ask(refused)
            refused.time += 6
        failure, refused.failure = refused.failure, None
        refused.time += 601
        self.ask(refused)
        refused.failure = failure
        refused.time += LIFE
        before = refused.asked
        for _ in range(2):
            self.ask(refused)
            refused.time += 6
        assert refused.asked == before + 2


class TestReplacement:
    def replaced(self, world: World, token: str, throttle: RenewalThrottle, **more: bool):
        refused = AccessToken(token, int(world.time) + LIFE)
        new = world.keeper().replacement(refused, throttle, **more)
        return None if new is None else new.token.token

    def test_is_a_new_token(self, world: World) -> None:
        world.token()
        assert self.replaced(world, "token 1", RenewalThrottle()) == "token 2"

    def test_is_what_another_call_has_got_already(self, world: World) -> None:
        world.token()
        assert self.replaced(world, "an older one", RenewalThrottle()) == "token 1"
        assert world.asked == 1

    def test_a_cached_one_that_is_due_is_replaced(self, world: World) -> None:
        world.token()
        world.time += LIFE - FRESH_FOR
        assert self.replaced(world, "an older one", RenewalThrottle()) == "token 2"

    def test_comes_once_in_ten_seconds(self, world: World) -> None:
        world.token()
        throttle = RenewalThrottle()
        assert self.replaced(world, "token 1", throttle) == "token 2"
        world.time += 9
        assert self.replaced(world, "token 2", throttle) is None
        world.time += 1
        assert self.replaced(world, "token 2", throttle) == "token 3"

    def test_of_tokens_that_worked_ten_come_at_once(self, world: World) -> None:
        world.token()
        throttle = RenewalThrottle()
        for number in range(1, 11):
            assert self.replaced(world, f"token {number}", throttle, worked=True)
        assert self.replaced(world, "token 11", throttle, worked=True) is None

    def test_that_fails_is_an_error_and_may_be_tried_at_once(self, world: World) -> None:
        world.token()
        throttle = RenewalThrottle()
        world.lost_network()
        with pytest.raises(Unreachable):
            self.replaced(world, "token 1", throttle)
        world.failure = None
        assert self.replaced(world, "token 1", throttle) == "token 3"


class TestAClockThatJumped:
    """Each of these was seen to keep a dead token for years, or to lose everybody's session."""

    DAY, DECADE = 86_400.0, 3650 * 86_400.0

    @pytest.mark.parametrize("jump", [DAY, DECADE])
    def test_ahead_for_one_call_heals_in_the_next(self, world: World, jump: float) -> None:
        world.token()
        world.time += jump
        assert world.token() == "token 2"
        world.time -= jump
        assert world.token() == "token 3", "the second one is from the future"
        assert world.token() == "token 3"

    @pytest.mark.parametrize("jump", [DAY, DECADE])
    def test_back_for_one_call_heals_in_the_next(self, world: World, jump: float) -> None:
        world.token()
        world.time -= jump
        assert world.token() == "token 2"
        world.time += jump
        assert world.token() == "token 3"
        assert world.token() == "token 3"

    def test_takes_no_file_away(self, world: World) -> None:
        now = time.time()
        world.time = now
        world.token()
        session = world.folder / ("0" * 32 + ".session.sealed")
        session.write_bytes(b"a refresh token")
        os.utime(session, (now - 50 * self.DAY, now - 50 * self.DAY))
        world.time += self.DECADE
        world.token()
        assert session.exists()

    def test_a_file_from_the_future_takes_no_other_away(self, world: World) -> None:
        now = time.time()
        world.time = now
        world.token()
        for name, age in (("0" * 32, 50 * self.DAY), ("1" * 32, -self.DECADE)):
            file = world.folder / f"{name}.session.sealed"
            file.write_bytes(b"a refresh token")
            os.utime(file, (now - age, now - age))
        world.token(insists=True)
        assert len(list(world.folder.glob("*.session.sealed"))) == 2

    def test_old_files_go_where_the_clock_is_right(self, world: World) -> None:
        now = time.time()
        world.time = now
        world.token()
        ages = {"0": 101 * self.DAY, "1": 99 * self.DAY, "2": 3 * self.DAY}
        for name, age in ages.items():
            for ending in (".session.sealed", ".hot"):
                file = world.folder / f"{name * 32}{ending}"
                file.write_bytes(b"x")
                file.chmod(0o600)
                os.utime(file, (now - age, now - age))
        world.token(insists=True)
        left = {file.name[0] + file.suffix for file in world.folder.glob("?????*.[sh]*")}
        assert {"1.sealed", "2.sealed"} <= left
        assert not left & {"0.sealed", "0.hot", "1.hot", "2.hot"}
