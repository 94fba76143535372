"""One real cluster for all tests here, and a person's machine whose kubeconfig leads to it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from desk import authority, desk, prepare, pytest_generate_tests
from realserver.build import default_version, program
from realserver.cluster import NODES, RealCluster, missing_part

from kubeauth.testing import Application, ManagedIdentity, Simulator

__all__ = ["authority", "desk", "identity", "prepare", "pytest_generate_tests"]

SERVER = program(os.environ.get("KUBEAUTH_APISERVER_VERSION") or default_version())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are slow, and share one server in one worker."""
    missing = missing_part(SERVER)
    for item in items:
        if "realserver" in item.path.parts:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.process)
            item.add_marker(pytest.mark.xdist_group("realserver"))
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="session")
def identity(simulator: Simulator) -> ManagedIdentity:
    """The one identity of this machine; a second one would have to be named."""
    return simulator.add_managed_identity(simulator.tenant, system_assigned=True)


@pytest.fixture(scope="session")
def api(simulator: Simulator) -> Application:
    """An API server of one's own as an application, with tokens of version 2."""
    application = simulator.tenant.add_application("an API server of our own")
    application.token_version = 2
    return application


@pytest.fixture(scope="session")
def real(
    simulator: Simulator, api: Application, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealCluster]:
    """The cluster, with the two nodes that the simulated one has."""
    cluster = RealCluster(SERVER, simulator, api, tmp_path_factory.mktemp("cluster"))
    for name in NODES:
        cluster.create(
            "/api/v1/nodes", metadata={"name": name, "labels": {"kubernetes.io/os": "linux"}}
        )
    cluster.simulated = simulator.cluster.server
    simulator.cluster.server, simulator.cluster.ca_pem = cluster.url, cluster.ca_pem
    yield cluster
    cluster.close()


@pytest.fixture(autouse=True)
def _without_roles(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the role bindings that the test made."""
    yield
    if "real" in request.fixturenames:
        request.getfixturevalue("real").unbind()
