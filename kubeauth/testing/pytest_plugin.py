"""Fixtures for the tests of those who install kubeauth: pytest finds them by an entry point.

``kubeauth_simulator`` is a running simulator that every test finds as new. pytest loads this module
at every start, so it imports nothing that pytest has not.
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
    """A simulator that runs as long as the tests do, and is never reset."""
    from kubeauth.testing import Simulator

    with Simulator() as running:
        yield running


@pytest.fixture
def kubeauth_simulator(kubeauth_simulator_session: Simulator) -> Simulator:
    """The simulator of this session, which has forgotten what earlier tests did.

    Its servers and its directory (tenants, users, applications) stay from test to test.
    """
    kubeauth_simulator_session.reset()
    return kubeauth_simulator_session
