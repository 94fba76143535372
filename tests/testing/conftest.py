"""A running simulator and a plain HTTP client that trusts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from kubeauth.testing import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def http(sim: Simulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(sim.ca_file)
        yield session


@pytest.fixture
def ask(sim: Simulator, http: requests.Session) -> Callable[..., requests.Response]:
    """Send form fields to the token endpoint, or to another one named by `path`."""

    def post(path: str = "oauth2/v2.0/token", tenant: str = "", **fields: str) -> requests.Response:
        return http.post(
            f"{sim.authority}{tenant or sim.tenant.id}/{path}", data=fields, timeout=10
        )

    return post


@pytest.fixture
def scope(sim: Simulator) -> str:
    return f"{sim.cluster.server_id}/.default"
