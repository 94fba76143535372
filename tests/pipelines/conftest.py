"""A machine for jobs, and applications that trust them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pipelines.machine import Machine

from kubeauth.testing import Application, Issuer, Simulator

pytestmark = pytest.mark.e2e


@pytest.fixture
def machine(sim: Simulator, tmp_path: Path) -> Machine:
    return Machine(sim, tmp_path)


@pytest.fixture
def trusting(sim: Simulator) -> Callable[..., Application]:
    """An application without a secret of its own, that trusts an issuer's subject."""

    def add(issuer: Issuer, subject: str, **more: str) -> Application:
        app = sim.tenant.add_application("pipeline")
        app.secrets.clear()
        app.add_federated_credential(issuer=issuer.url, subject=subject, **more)
        return app

    return add
