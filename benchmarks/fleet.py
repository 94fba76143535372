"""How many token requests a fleet makes per minute: `python benchmarks/fleet.py [RUNNERS …]`.

All runners start within one minute, and each calls kubectl once a minute; or each runs `kubeauth
token-file`, which renews its token by itself. Entra ID's tokens live for an hour, those of managed
identities (IMDS) for a day with a refresh after half of it. Each service fails (for ten minutes,
for two hours) while the first tokens are due. The random numbers have a seed, so every run prints
the same. Times are in seconds unless a name says minutes.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass

from kubeauth.cache.state import PAUSE_AFTER_FAILURE, fresh_until, next_try_on, renewable_on
from kubeauth.cache.tokens import CachedToken
from kubeauth.token import AccessToken
from kubeauth_plugin.token_file.keep import pause_after

FLEETS = (10, 1_000, 100_000)
CALL_EVERY = 60.0
SEED = 1


@dataclass(frozen=True)
class Service:
    """The issuer of tokens: how long these live, and when it fails (both in seconds)."""

    name: str
    life: int
    refresh_in: int | None
    fails_from: float
    watched_minutes: int
    fails_for: float

    def fails(self, now: float) -> bool:
        return self.fails_from <= now < self.fails_from + self.fails_for


@dataclass(frozen=True)
class Policy:
    """What clients do: keep tokens, spread renewals, wait longer after each failure."""

    name: str
    caches: bool = True
    spreads: bool = True
    backs_off: bool = True
    token_file: bool = False


ENTRA = Service("Entra ID", 3600, None, 34 * 60, 240, 600.0)
IMDS = Service("IMDS", 86_400, 43_200, 10 * 3600, 26 * 60, 7200.0)
SERVICES = (ENTRA, IMDS)
POLICIES = (
    Policy("no cache", caches=False, spreads=False, backs_off=False),
    Policy("cache", spreads=False, backs_off=False),
    Policy("cache, jitter", backs_off=False),
    Policy("cache, jitter, back-off"),
)
TOKEN_FILE = Policy("token-file", token_file=True)


def requests_per_minute(service: Service, policy: Policy, runners: int) -> list[int]:
    """Return the number of token requests in each minute that is watched."""
    if not policy.caches:
        return [runners] * service.watched_minutes
    chance, counts = random.Random(SEED), Counter[int]()
    for _ in range(runners):
        attempts = _renewals(service, chance) if policy.token_file else None
        for now in attempts or _attempts(service, policy, chance):
            counts[int(now // 60)] += 1
    return [counts[minute] for minute in range(service.watched_minutes)]


def _attempts(service: Service, policy: Policy, chance: random.Random) -> list[float]:
    """Return when one runner asks for a token."""
    now = chance.uniform(0, CALL_EVERY)
    end, attempts, kept, after = service.watched_minutes * 60.0, [], None, now
    while now < end:
        attempts.append(now)
        if not service.fails(now):
            refresh_on = None if service.refresh_in is None else int(now + service.refresh_in)
            text = f"{chance.getrandbits(256):064x}"
            kept = CachedToken(AccessToken(text, int(now + service.life), refresh_on), now)
            after = renewable_on(kept) if policy.spreads else fresh_until(kept.token)
        elif kept is not None and policy.backs_off:
            after = next_try_on(kept, now)
        else:
            after = now + PAUSE_AFTER_FAILURE
        # The next call that comes when the token is due, on this runner's own minute.
        now += CALL_EVERY * max(1, -(-(after - now) // CALL_EVERY))
    return attempts


def _renewals(service: Service, chance: random.Random) -> list[float]:
    """Return when one process that keeps a token file asks for a token."""
    now = chance.uniform(0, CALL_EVERY)
    end, attempts, failures, expires_on = service.watched_minutes * 60.0, [], 0, now
    while now < end:
        attempts.append(now)
        if service.fails(now):
            now += pause_after(failures, expires_on - now) * chance.uniform(0.8, 1.0)
            failures += 1
            continue
        failures, expires_on = 0, now + service.life
        refresh_on = None if service.refresh_in is None else int(now + service.refresh_in)
        text = f"{chance.getrandbits(256):064x}"
        now = renewable_on(CachedToken(AccessToken(text, int(expires_on), refresh_on), now))
    return attempts


def summary(service: Service, policy: Policy, runners: int) -> tuple[int, int, int]:
    """Return requests in all, the busiest minute after the start, and the busiest while failing.

    The second does not count the minutes in which the service fails.
    """
    minutes = requests_per_minute(service, policy, runners)
    first = int(service.fails_from // 60)
    last = first + int(service.fails_for // 60)
    return sum(minutes), max(minutes[2:first] + minutes[last:]), max(minutes[first:last])


def rows(fleets: tuple[int, ...] = FLEETS) -> list[tuple[str, str, int, int, int, int]]:
    """Return service, policy, runners and the three numbers of ``summary``."""
    return [
        (service.name, policy.name, runners, *summary(service, policy, runners))
        for service in SERVICES
        for runners in fleets
        for policy in (*POLICIES, TOKEN_FILE)
    ]


def main() -> None:
    fleets = tuple(int(argument) for argument in sys.argv[1:]) or FLEETS
    print("| | runners | | requests | busiest minute | busiest minute of the failure |")
    print("|---|---:|---|---:|---:|---:|")
    for service, policy, runners, total, busiest, failing in rows(fleets):
        print(f"| {service} | {runners:,} | {policy} | {total:,} | {busiest:,} | {failing:,} |")


if __name__ == "__main__":
    main()
