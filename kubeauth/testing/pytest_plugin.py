"""pytest fixtures for projects that install kubeauth; pytest finds them by an entry point.

``kubeauth_simulator`` is a running simulator that is reset before every test. pytest loads this
module at every start, so it imports only modules that pytest imports, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kubeauth.testing.simulator import Simulator

__all__ = ["kubeauth_simulator", "kubeauth_simulator_session"]


@pytest.fixture(scope="session")
def kubeauth_simulator_session() -> Iterator[Simulator]:
    """Yield a simulator that runs during the test session and is never reset."""
    from kubeauth.testing import Simulator

    with Simulator() as running:
        yield running


@pytest.fixture
def kubeauth_simulator(kubeauth_simulator_session: Simulator) -> Simulator:
    """Return the test session's simulator, reset after earlier tests.

    Its servers and its directory (tenants, users, applications) stay from test to test.
    """
    kubeauth_simulator_session.reset()
    return kubeauth_simulator_session
