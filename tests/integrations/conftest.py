"""An outside whose clock is the simulator's, and a provider in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeauth import ServicePrincipal, System
from kubeauth.testing import Application, Simulator


class Outside:
    """Time passes here and at the simulator when a test says so."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.time = time.time()
        self.sim = sim
        self.environ = {
            **sim.environ(),
            "HOME": str(folder),
            "KUBEAUTH_CACHE_DIR": str(folder / "cache"),
        }
        self.warned: list[str] = []

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.sim.advance(seconds)

    def system(
        self, prompt: Callable[[str], None] | None = None, process: str = "controller"
    ) -> System:
        return System(
            environ=self.environ,
            now=lambda: self.time,
            sleep=self.pass_time,
            prompt=prompt,
            process=process,
            warn=self.warned.append,
        )


@pytest.fixture
def outside(sim: Simulator, tmp_path: Path) -> Outside:
    return Outside(sim, tmp_path)


@pytest.fixture
def scope(sim: Simulator) -> str:
    return f"{sim.cluster.server_id}/.default"


@pytest.fixture
def principal(sim: Simulator, app: Application, outside: Outside) -> ServicePrincipal:
    return ServicePrincipal(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        client_secret=app.secret,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        system=outside.system(),
    )


@pytest.fixture
def sign_ins(sim: Simulator) -> Callable[[], int]:
    """Tell how many tokens were asked for."""
    return lambda: sim.requests.count(service="entra", path="/token")
