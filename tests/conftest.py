"""The simulator, and a program that is pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Program, basic_environ

from kubeauth.testing import Application, Simulator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the slow tests as well")


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
