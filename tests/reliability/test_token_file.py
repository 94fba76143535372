"""A token file over a day of faults on a clock of its own, and its memory over 10,000 renewals."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from harness import Program, basic_environ, not_on_windows, until
from reliability.test_clock import LIBRARIES

from kubeauth import ServicePrincipal
from kubeauth.system import System
from kubeauth.testing import Application, Fault, Simulator
from kubeauth_plugin.token_file.file import TokenFile
from kubeauth_plugin.token_file.keep import LOOK, SHORT, Keeper

HOUR, DAY = 3600.0, 86_400.0
# One look, the pause of a token that is short of life, and a look again; seconds.
A_RENEWAL = LOOK + SHORT + LOOK


class DayOver(Exception):
    """The end of the simulated day."""


class Day:
    """A clock that moves when the keeper sleeps; events happen on it, and a reader reads."""

    def __init__(self, sim: Simulator, file: Path) -> None:
        self.sim, self.file, self.events = sim, file, list[tuple[float, Callable[[], None]]]()
        self.begun = sim.clock.now()
        self.awake_since = self.begun
        self.out = False
        self.skew = 0.0
        self.sleeps = 0
        # Seconds: of a dead token in the file, outage or not; of no good one while nothing is out;
        # of anything else than a token.
        self.longest_dead = self.longest_without = self.longest_broken = 0.0
        self._dead_since: float | None = None
        self._without_since: float | None = None
        self._broken_since: float | None = None
        self._last_expiry = 0.0
        self._seen = ("", 0.0)

    def now(self) -> float:
        return self.sim.clock.now() + self.skew

    def at(self, hours: float, event: Callable[[], None]) -> None:
        self.events.append((self.begun + hours * HOUR, event))
        self.events.sort(key=lambda item: item[0])

    def outage(self, hours: float, length: float, fault: Fault) -> None:
        """Let every request fail for ``length`` hours."""

        def begin() -> None:
            self.out = True
            self.sim.faults.add(fault)

        def end() -> None:
            self.out = False
            self.sim.faults.clear()

        self.at(hours, begin)
        self.at(hours + length, end)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= LOOK
        self.sleeps += 1
        self.sim.advance(seconds)
        while self.events and self.events[0][0] <= self.sim.clock.now():
            self.events.pop(0)[1]()
        self.read()
        if self.sim.clock.now() > self.begun + DAY:
            raise DayOver

    def _expiry(self) -> float:
        """Return when the token in the file expires (epoch seconds), 0 if there is none."""
        try:
            token = self.file.read_text()
        except FileNotFoundError:
            return 0.0
        if token != self._seen[0]:
            try:
                claims = jwt.decode(token, options={"verify_signature": False})
            except jwt.InvalidTokenError:  # replaced by an event
                return 0.0
            self._seen = (token, claims["exp"])
        return self._seen[1]

    def read(self) -> None:
        """Read as Prometheus does, at any moment; the server's clock judges the token."""
        now = self.sim.clock.now()
        expiry = self._expiry()
        if expiry or now >= self._last_expiry:
            self._last_expiry = expiry or self._last_expiry
            self._broken_since = None
        else:
            self._broken_since = now if self._broken_since is None else self._broken_since
            self.longest_broken = max(self.longest_broken, now - self._broken_since)
        if 0 < expiry <= now:
            self._dead_since = now if self._dead_since is None else self._dead_since
            self.longest_dead = max(self.longest_dead, now - self._dead_since)
        else:
            self._dead_since = None
        if expiry > now or self.out:
            self._without_since = None
            return
        self._without_since = now if self._without_since is None else self._without_since
        self.longest_without = max(self.longest_without, now - self._without_since)


def kept_for_a_day(
    sim: Simulator, app: Application, folder: Path, prepare: Callable[[Day], None], storage: str
) -> tuple[Day, list[str]]:
    file = folder / "token"
    day, said = Day(sim, file), list[str]()
    prepare(day)
    system = System(
        environ={"HOME": str(folder)}, now=day.now, sleep=day.sleep, warn=lambda _: None
    )
    provider, renewing = (
        principal(sim, app, folder, storage, system, force_refresh=forced)
        for forced in (False, True)
    )
    keeper = Keeper(TokenFile(str(file)), provider, system, said.append)
    keeper.first()
    with pytest.raises(DayOver):
        keeper.run(renewing, system)
    return day, said


def principal(
    sim: Simulator,
    app: Application,
    folder: Path,
    storage: str,
    system: System,
    *,
    force_refresh: bool,
) -> ServicePrincipal:
    return ServicePrincipal(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        client_secret=app.secret,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        ca_file=str(sim.ca_file),
        cache_dir=str(folder / "cache"),
        cache_storage=storage,
        force_refresh=force_refresh,
        system=system,
    )


def asked(sim: Simulator) -> int:
    return sim.requests.count(path="/token")


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["file", "memory", "none"])
class TestADay:
    def test_without_faults(self, sim, app, tmp_path: Path, storage: str) -> None:
        day, _ = kept_for_a_day(sim, app, tmp_path, lambda _: None, storage)
        assert day.longest_dead == day.longest_without == 0
        # A token of an hour is renewed after 33 to 42 minutes.
        assert 30 <= asked(sim) <= 48
        print(f"\na day without faults: {asked(sim)} sign-ins, {day.sleeps} looks")

    def test_with_faults(self, sim, app, tmp_path: Path, storage: str) -> None:
        file = tmp_path / "token"

        def prepare(day: Day) -> None:
            refused = Fault(service="entra", path="/token", status=400, body=b"{}", times=None)
            garbage = Fault(service="entra", path="/token", body=b"<html>", times=None)
            day.outage(2, 0.3, refused)  # shorter than a token lives
            day.outage(5, 0.4, garbage)
            day.outage(8, 2.5, refused)  # longer
            chance = random.Random(7)
            for hour in range(1, 24):
                day.at(hour + chance.random(), lambda: file.unlink(missing_ok=True))
                day.at(hour + chance.random(), lambda: file.write_text("half a tok"))
            day.at(13, lambda: sim.advance(3 * HOUR))  # suspended
            day.at(17, lambda: setattr(day, "skew", -2 * HOUR))  # put back …
            day.at(18, lambda: setattr(day, "skew", 0.0))  # … and forward again
            day.at(20, lambda: setattr(day, "skew", 4 * HOUR))
            day.at(21, lambda: setattr(day, "skew", 0.0))

        day, said = kept_for_a_day(sim, app, tmp_path, prepare, storage)
        # An outage is no excuse for a dead token: the file has none then, and one soon after it.
        assert day.longest_dead <= LOOK, day.longest_dead
        assert day.longest_without <= A_RENEWAL, day.longest_without
        # A damaged file is mended in an outage, too, while its token lives.
        assert day.longest_broken <= LOOK
        # An outage of hours is asked about with pauses, not in a loop.
        assert asked(sim) < 500
        assert any("next try" in line for line in said)
        assert any("was not as this program left it" in line for line in said)
        assert any("removed" in line and "has expired" in line for line in said)
        print(
            f"\na day with faults: {asked(sim)} sign-ins, "
            f"a dead token for {day.longest_dead:.0f} s at most, "
            f"and none for {day.longest_without:.0f} s after an outage"
        )


@pytest.mark.process
@pytest.mark.skipif(not LIBRARIES, reason="there is no libfaketime (apt install libfaketime)")
class TestTheProgramsClock:
    """The installed program, whose clock another file sets while it runs."""

    @pytest.fixture
    def clock(self, tmp_path: Path) -> Path:
        file = tmp_path / "clock"
        file.write_text("+0")
        return file

    @pytest.mark.parametrize("jump", ["+2h", "-2h"])
    @pytest.mark.parametrize("suspended", [False, True])
    def test_jumps(
        self,
        program: Program,
        sim: Simulator,
        spn: tuple[str, ...],
        tmp_path: Path,
        clock: Path,
        jump: str,
        suspended: bool,
    ) -> None:
        """A new token comes after the jump, and another one after the clock was set right."""
        file = tmp_path / "token"
        environ = {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
        }
        process = subprocess.Popen(
            [*program.command, "token-file", "--output", str(file), *program.always, *spn],
            env={**program.environ, **environ},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(file.exists, limit=90)
            for setting in (jump, "+0"):
                before = file.read_text()
                if suspended:
                    process.send_signal(signal.SIGSTOP)
                time.sleep(1.1)  # a token of the same second is the same token
                clock.with_suffix(".new").write_text(setting)
                os.replace(clock.with_suffix(".new"), clock)
                process.send_signal(signal.SIGCONT)
                until(lambda before=before: file.exists() and file.read_text() != before, limit=90)
                assert jwt.decode(file.read_text(), options={"verify_signature": False})["exp"]
        finally:
            process.kill()
            process.wait()


MEMORY = """
import sys
import time
from kubeauth_plugin import cli
from kubeauth.options.settings import Settings
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin.commands.credentials import token_file
from kubeauth_plugin.token_file import child
from kubeauth_plugin.token_file.file import TokenFile
from kubeauth_plugin.token_file.keep import Keeper

server, tenant, client, secret, authority, ca, folder, rounds = sys.argv[1:]
clock = [1_800_000_000.0]
offset = time.time()
def sleep(seconds):
    clock[0] += 3600.0
system = System(now=lambda: offset + clock[0] - 1_800_000_000.0, sleep=sleep, owns_process=True)
settings = Settings(
    login="spn", server_id=server, tenant_id=tenant, client_id=client, client_secret=secret,
    authority_host=authority, disable_instance_discovery=True, ca_file=ca, cache_dir=folder,
    force_refresh=True,
)
provider = provider_for(settings, system)
keeper = Keeper(TokenFile(folder + "/token"), provider, system, lambda _: None)
keeper.first()

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

sizes = []
for number in range(int(rounds)):
    sleep(1)
    keeper.look()
    if number % (int(rounds) // 10) == int(rounds) // 10 - 1:
        sizes.append(resident())
print(*sizes)
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(1800)
@not_on_windows("it reads /proc")
def test_memory_is_flat_over_ten_thousand_renewals(
    sim: Simulator, app: Application, tmp_path: Path
) -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("this system has no /proc")
    rounds = 10_000
    sim.token_lifetime = 3600
    who = (sim.cluster.server_id, sim.tenant.id, app.client_id, app.secret, sim.authority)
    ran = subprocess.run(
        [sys.executable, "-I", "-c", MEMORY, *who, str(sim.ca_file), str(tmp_path), str(rounds)],
        env=basic_environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert ran.returncode == 0, ran.stderr
    sizes = [int(word) for word in ran.stdout.split()]
    print("\nresident KiB after each thousand renewals:", *sizes)
    assert asked(sim) >= rounds
    assert max(sizes) < 40 * 1024
    # Python still fills its pools in the first thousands.
    assert sizes[-1] - sizes[2] < 1024
