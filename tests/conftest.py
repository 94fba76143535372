"""The simulator, and a program that is pointed at it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Program, basic_environ
from hypothesis import settings

from kubeauth.testing import Application, Simulator

# A run on a busy machine must not fail for its pace; --run-slow tries ten times as many inputs.
settings.register_profile("everyday", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the slow tests as well")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("ci" if config.getoption("--run-slow") else "everyday")
    # Under nohup, and in the background of some shells, SIGINT is ignored, and every program that a
    # test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; switch on with --run-slow"))


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
