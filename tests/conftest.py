"""The simulator, a program that is pointed at it, and the quick lot: what starts no process."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Program, basic_environ
from hypothesis import HealthCheck, settings

from kubeauth.testing import Application, Simulator

# A run on a busy machine must not fail for its pace; --run-slow tries ten times as many inputs.
settings.register_profile("everyday", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("everyday"), max_examples=1000)


# What Python itself reports when a program is about to start (PEP 578).
STARTS = {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.system"}
# Fixtures that run programs; a test that takes one of them is never quick.
RUNNING = {"program", "machine", "checkout"}
# The marks of a whole module, and those of tests that a run leaves out.
PYTESTMARK = re.compile(r"^pytestmark = .*(\n    .*)*", re.MULTILINE)
NOT_QUICK = {"process", "e2e", "slow"}
# What ctypes runs to find a library, as keyring's module for macOS makes it do on every system, and
# what Python runs for the version of a Windows that is Wine.
HARMLESS = {"ldconfig", "gcc", "cc", "ld", "objdump", "cmd.exe"}
started: list[str] = []


def note_start(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS:
        # On Windows a program without a path of its own is the first word of the command line.
        name = next(filter(None, arguments), event)
        program = os.path.basename(os.fsdecode(name))
        if program not in HARMLESS:
            started.append(program)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the slow tests as well")
    parser.addoption("--record", action="store_true", help="write docs/reliability.json anew")
    parser.addoption("--quick", action="store_true", help="run the tests that start no process")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("ci" if config.getoption("--run-slow") else "everyday")
    # Under nohup, and in the background of some shells, SIGINT is ignored, and every program that a
    # test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.addaudithook(note_start)


def left_out(config: pytest.Config) -> set[str]:
    """Return the marks of the tests that this run leaves out."""
    if config.getoption("--quick"):
        return NOT_QUICK
    return set() if config.getoption("--run-slow") else {"slow"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import a module that the run leaves out as a whole."""
    if collection_path.suffix == ".py":
        marks = PYTESTMARK.search(collection_path.read_text(encoding="utf-8"))
        if marks and left_out(config).intersection(re.findall(r"\bmark\.(\w+)", marks[0])):
            return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.keywords or RUNNING.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.process)
        if "checkout" in getattr(item, "fixturenames", ()):
            # One worker makes the release that all of these need.
            item.add_marker(pytest.mark.xdist_group("release"))
    runs: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        runs[left_out(config).isdisjoint(item.keywords)].append(item)
    config.hook.pytest_deselected(items=runs[False])
    items[:] = runs[True]


def pytest_collection_finish() -> None:
    """Let the collector pass over what all tests share: a full round of it takes half a second."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    cells = [r for r in terminalreporter.getreports("passed") if "test_canaries" in r.nodeid]
    if cells:
        terminalreporter.write_line(f"canaries: {len(cells)} cells, no secret seen")
    if config.getoption("--quick"):
        terminalreporter.write_line("left out: what starts a process (run without --quick)")
    elif not config.getoption("--run-slow"):
        terminalreporter.write_line("left out: the slow tests (switch on with --run-slow)")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    started.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that started a program and does not say so: the quick lot is for others."""
    yield
    if started and item.get_closest_marker("process") is None:
        pytest.fail(f"this test starts {started[0]}: mark it with pytest.mark.process", False)


@pytest.fixture(autouse=os.name == "nt")
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows, set a home of its own for each test, as tests set HOME on other systems."""
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def sim(simulator: Simulator) -> Simulator:
    """A simulator that has forgotten what earlier tests did."""
    simulator.reset()
    return simulator


@pytest.fixture
def app(sim: Simulator) -> Application:
    return sim.tenant.add_application("ci")


@pytest.fixture
def program(sim: Simulator, tmp_path: Path) -> Program:
    """The program, pointed at the simulator."""
    always = (
        "--server-id",
        sim.cluster.server_id,
        "--authority-host",
        sim.authority,
        "--disable-instance-discovery",
    )
    home = tmp_path / "home"
    home.mkdir()
    return Program(home, basic_environ(home, sim.environ()), always)


@pytest.fixture
def spn(sim: Simulator, app: Application) -> tuple[str, ...]:
    """Flags that sign in as an application with its secret."""
    identity = ("--tenant-id", sim.tenant.id, "--client-id", app.client_id)
    return ("--login", "spn", *identity, "--client-secret", app.secret)
