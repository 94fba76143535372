"""A cluster that Resource Manager knows, and the program, pointed at both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Program, Ran

from kubeauth.testing import Application, Simulator
from kubeauth.testing.arm.service import ResourceManager


@pytest.fixture
def arm(sim: Simulator) -> ResourceManager:
    return sim.resource_manager


@pytest.fixture
def cloud(sim: Simulator) -> tuple[str, ...]:
    """Flags that name the simulated cloud."""
    manager = ("--resource-manager", sim.resource_manager.url)
    return (*manager, "--authority-host", sim.authority, "--disable-instance-discovery")


@pytest.fixture
def as_app(sim: Simulator, app: Application, program: Program) -> tuple[str, ...]:
    """Flags that sign in as an application, whose secret is in a variable."""
    program.environ["AZURE_CLIENT_SECRET"] = app.secret
    return ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)


@pytest.fixture
def config(program: Program) -> Path:
    """The kubeconfig in the program's home."""
    return program.home / ".kube" / "config"


@pytest.fixture
def fetch(program: Program, as_app: tuple[str, ...], cloud: tuple[str, ...]) -> Callable[..., Ran]:
    """Run `get-credentials` for the cluster `prod` in the group `shop`."""

    def run(*args: str, cluster: str = "shop/prod", **environ: str) -> Ran:
        group, name = cluster.split("/")
        return program(
            "get-credentials", "-g", group, "-n", name, *as_app, *cloud, *args, **environ
        )

    return run
