"""Disk fault x command, and process fault x command: nothing is lost, and the next call is fine."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from harness import Program
from reliability.cells import Outcome, close, limit, run

from kubeauth.testing import Application, Simulator

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX"),
]

COMMANDS = (
    "get-token",
    "login",
    "logout",
    "cache list",
    "convert-kubeconfig",
    "trust",
    "remove-cache-dir",
)


class Desk:
    """A home with a kubeconfig and a token in the cache, and what to type for each command."""

    def __init__(self, sim: Simulator, app: Application, program: Program) -> None:
        self.program, self.sim = program, sim
        self.config = program.home / ".kube" / "config"
        self.config.parent.mkdir(mode=0o700)
        # Something that `kubeauth trust` has to approve.
        more = "- get-token\n      - --browser-command=firefox %s\n"
        self.config.write_text(sim.kubeconfig("exec").replace("- get-token\n", more))
        self.before = self.config.read_bytes()
        identity = ("-t", sim.tenant.id, "--client-id", app.client_id)
        self.flags = ("-l", "spn", *identity)
        self.environ = {"AZURE_CLIENT_SECRET": app.secret}
        self.authority = ("--authority-host", sim.authority, "--disable-instance-discovery")

    def words(self, command: str) -> tuple[str, ...]:
        if command in ("get-token", "login", "logout"):
            return (command, *self.program.always, *self.flags)
        if command == "convert-kubeconfig":
            return (command, *self.flags, *self.authority)
        if command == "trust":
            return (command, "--yes")
        return tuple(command.split())

    def run(self, command: str, **how: object) -> Outcome:
        return run(self.program, *self.words(command), environ=self.environ, **how)  # type: ignore[arg-type]

    def check_nothing_is_lost(self) -> None:
        """The kubeconfig is as it was or converted whole, and no file is left half written."""
        text = self.config.read_text()
        assert self.config.read_bytes() == self.before or "kubeauth" in text
        assert text.rstrip().endswith(self.before.decode().rstrip()[-20:]) or "users:" in text
        left = [
            p.name for p in self.config.parent.iterdir() if p.name.endswith((".lock", ".kubeauth"))
        ]
        assert not left


@pytest.fixture
def desk(sim: Simulator, app: Application, program: Program) -> Desk:
    return Desk(sim, app, program)


def file_in_place_of_cache(desk: Desk) -> None:
    desk.program.cache.parent.mkdir(parents=True)
    desk.program.cache.write_text("a file")


def open_to_others(desk: Desk) -> None:
    desk.program.cache.mkdir(parents=True)
    desk.program.cache.chmod(0o777)
    (desk.program.cache / "kubeauth").mkdir(mode=0o777)
    (desk.program.cache / "kubeauth").chmod(0o777)


def damaged(desk: Desk) -> None:
    desk.run("get-token")
    desk.run("login")
    for file in desk.program.cache.iterdir():
        file.write_bytes(file.read_bytes()[::-1])


def leads_nowhere(desk: Desk) -> None:
    desk.program.cache.parent.mkdir(parents=True)
    desk.program.cache.symlink_to("/nowhere/at/all")


DISK: dict[str, tuple[Callable[[Desk], object], Callable[[], object] | None]] = {
    "the disk is full": (lambda _: None, limit(resource.RLIMIT_FSIZE, 0)),
    "a file is in the cache's place": (file_in_place_of_cache, None),
    "the cache is open to others": (open_to_others, None),
    "every file of the cache is damaged": (damaged, None),
    "the cache is a link to nowhere": (leads_nowhere, None),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", DISK)
def test_disk(desk: Desk, fault: str, command: str, judged: Callable[..., None]) -> None:
    prepare, before = DISK[fault]
    prepare(desk)
    judged("disk", fault, command, desk.run(command, before=before))
    desk.check_nothing_is_lost()
    if desk.program.cache.is_symlink() or desk.program.cache.is_file():
        desk.program.cache.unlink()
    assert desk.run("get-token").code == 0
    assert desk.run("convert-kubeconfig").code == 0


PROCESS: dict[str, dict[str, object]] = {
    "stdin is closed": {"before": close(0)},
    "stdout is closed": {"before": close(1)},
    "stderr is closed": {"before": close(2)},
    "all three are closed": {"before": close(0, 1, 2)},
    "stdout is full": {"stdout": "/dev/full"},
    "the reader of stdout is gone": {"stdout": "gone"},
    "12 open files at most": {"before": limit(resource.RLIMIT_NOFILE, 12)},
    "300 MB of address space": {"before": limit(resource.RLIMIT_AS, 300 << 20)},
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", PROCESS)
def test_process(desk: Desk, fault: str, command: str, judged: Callable[..., None]) -> None:
    how = dict(PROCESS[fault])
    stream = how.get("stdout")
    if stream == "gone":
        reading, writing = os.pipe()
        os.close(reading)
        how["stdout"] = writing
    elif stream:
        how["stdout"] = os.open(str(stream), os.O_WRONLY)
    outcome = desk.run(command, **how)
    if isinstance(how.get("stdout"), int):
        os.close(int(str(how["stdout"])))
    judged("process", fault, command, heard(outcome, fault))
    desk.check_nothing_is_lost()
    assert desk.run("get-token").code == 0
    assert desk.run("convert-kubeconfig").code == 0


def heard(outcome: Outcome, fault: str) -> Outcome:
    """No error is printed if stderr is closed or its reader has gone."""
    if fault == "the reader of stdout is gone" and (outcome.code, outcome.stderr) == (1, ""):
        return Outcome(-signal.SIGPIPE, "", "", outcome.seconds)
    if fault not in ("stderr is closed", "all three are closed", "stdout is closed"):
        return outcome
    spoken = outcome.stderr or ("error: -\nhint: -" if outcome.code else "")
    return Outcome(outcome.code, "-", spoken, outcome.seconds)


def before_our_first_line(said: str) -> bool:
    """Whether a signal met the interpreter's own start, which then has words of its own."""
    ours = re.search(r'kubeauth_plugin|/kubeauth", line', said)
    return "Fatal Python error: init" in said or ("Traceback" in said and not ours)


SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}


@pytest.mark.parametrize("round_", range(25))
@pytest.mark.parametrize("command", ["get-token", "convert-kubeconfig", "login", "trust"])
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_at_a_random_moment(desk: Desk, name: str, command: str, round_: int) -> None:
    pause = random.Random(f"{name}{command}{round_}").uniform(0, 0.25)

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        time.sleep(pause)
        process.send_signal(SIGNALS[name])

    outcome = desk.run(command, during=interrupt)
    word = "ended" if before_our_first_line(outcome.stderr) else outcome.word
    assert word in ("works", "ended", *(["interrupted"] if name == "Ctrl-C" else [])), outcome
    if word == "interrupted":
        outcome.check()
    if name != "SIGKILL":
        desk.check_nothing_is_lost()
    for lock in desk.config.parent.glob("*.lock"):
        lock.unlink()  # kubectl would ask for the same
    assert desk.run("get-token").code == 0
    assert desk.run("convert-kubeconfig").code == 0
