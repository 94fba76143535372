"""Keep a token file fresh: when to renew, how long to pause after a failure, what to say."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Final

from kubeauth.cache.state import CLOCK_SLACK, State, renewable_on, state_of
from kubeauth.cache.tokens import CachedToken
from kubeauth.errors import KubeauthError, ToolError, Unreachable
from kubeauth.providers.base import Provider
from kubeauth.system import System
from kubeauth_plugin.diagnostics import TokenFileError
from kubeauth_plugin.token_file.file import TokenFile

__all__ = ["Keeper", "pause_after"]

# Seconds between two looks at the clock and at the file. A suspended machine's sleep goes on after
# it wakes up, so this is also how long it takes to notice that.
LOOK: Final = 2.0
# Seconds of the first pause after a failure; each next one is twice as long.
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
# Once the token has less than this left, or there is none, wait no longer than SHORT; seconds.
SHORT_OF_LIFE: Final = 600.0
SHORT: Final = 30.0


class Keeper:
    """Keeps one identity's token in one file.

    ``say`` prints a line for people. Times come from ``system``: epoch seconds.
    """

    def __init__(
        self, file: TokenFile, provider: Provider, system: System, say: Callable[[str], None]
    ) -> None:
        self._file, self._provider, self._system, self._say = file, provider, system, say
        self._kept: CachedToken | None = None
        self._in_file: CachedToken | None = None
        self._failures = 0
        self._next_try = self._next_write = 0.0
        self._failed_on = 0.0

    def first(self, *, waits: bool = False) -> None:
        """Put a token into the file; raises KubeauthError if that fails.

        With ``waits``, try again until the identity provider answers: a machine may start before
        its network does.
        """
        while True:
            try:
                self._use(self._provider.obtain(ahead=True))
                return
            except (Unreachable, ToolError) as error:
                # The identity service of a machine is not there before its network.
                may_come = isinstance(error, Unreachable) or self._provider.login == "msi"
                if not (waits and may_come):
                    raise
                self._put_off(f"{error} ({error.hint})", self._system.now())
            self._drop_dead(self._system.now())
            while self._system.now() < self._next_try:
                self._system.sleep(self._pause())
                self._heed_clock(self._system.now())

    def run(self, provider: Provider, system: System) -> None:
        """Keep the file fresh for ever; a failure is a line of text and a pause.

        Renew with ``provider``, which asks no person and does not take a cached token, and wait
        with ``system``.
        """
        self._provider, self._system = provider, system
        while True:
            self._system.sleep(self._pause())
            self.look()

    def look(self) -> None:
        """Write the file anew if it is not ours any more, and renew the token if it is time.

        A token that has expired leaves the file: readers see that there is none.
        """
        now = self._system.now()
        self._heed_clock(now)
        try:
            if now >= self._next_write:
                self._restore(now)
            if now >= self._next_try and not self._is_fresh(now):
                self._use(self._provider.obtain(ahead=True))
        except TokenFileError as error:
            self._put_off(str(error), now)
            self._next_write = now + min(self._next_try - now, SHORT)
        except KubeauthError as error:
            self._put_off(str(error), now)
        except Exception as error:
            # NOTE: the text of an error that is not ours could quote a secret.
            self._put_off(f"unexpected failure in kubeauth: {type(error).__name__}", now)
        self._drop_dead(self._system.now())

    def _heed_clock(self, now: float) -> None:
        if now < self._failed_on - CLOCK_SLACK:  # the clock was put back: the pause is void
            self._next_try = self._next_write = 0.0

    def _is_fresh(self, now: float) -> bool:
        return state_of(self._kept, now, ahead=True) in (State.FRESH, State.PAUSING)

    def _restore(self, now: float) -> None:
        if self._kept is None or self._file.is_ours() or self._kept.token.seconds_left(now) <= 0:
            return
        self._write(self._kept)
        self._say(f"{self._file.path} was not as this program left it; wrote it again")

    def _use(self, kept: CachedToken) -> None:
        # A token that cannot be written now can be written later, without another sign-in.
        self._kept = kept
        self._write(kept)
        self._failures, self._next_try = 0, 0.0
        until = _time(kept.token.expires_on)
        next_on = _time(max(renewable_on(kept), self._system.now()))
        self._say(f"wrote {self._file.path}: good until {until}, to be renewed about {next_on}")

    def _write(self, kept: CachedToken) -> None:
        self._file.write(kept.token.token)
        self._in_file, self._next_write = kept, 0.0

    def _drop_dead(self, now: float) -> None:
        """Remove the file if the token in it has expired."""
        if self._in_file is not None:
            dead = self._in_file.token.seconds_left(now) <= 0
        else:
            dead = self._file.is_dead(now)  # an earlier run has left it
        if dead and self._file.remove():
            self._say(f"removed {self._file.path}, since its token has expired")

    def _put_off(self, reason: str, now: float) -> None:
        left = self._kept.token.seconds_left(now) if self._kept is not None else 0.0
        # Random, so that a fleet does not ask at once.
        pause = pause_after(self._failures, left) * random.uniform(0.8, 1.0)  # noqa: S311
        self._failures = min(self._failures + 1, 16)
        self._failed_on, self._next_try = now, now + pause
        state = f"the last token is good for {int(left)} s" if left > 0 else "there is no token"
        self._say(f"{reason}; {state}, next try in {pause:.0f} s")

    def _pause(self) -> float:
        """Return the seconds until the next look."""
        now = self._system.now()
        due = renewable_on(self._kept) if self._kept is not None else now
        left = max(due, self._next_try) - now
        return min(LOOK, left) if left > 0 else 1.0


def pause_after(failures: int, left: float) -> float:
    """Return for how many seconds to wait at most after a failure.

    ``failures`` is how many came before it, ``left`` for how many seconds the last token is good.
    """
    longest = SHORT if left < SHORT_OF_LIFE else LONGEST_PAUSE
    return min(FIRST_PAUSE * 2.0**failures, longest)


def _time(when: float) -> str:
    return datetime.fromtimestamp(when).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
