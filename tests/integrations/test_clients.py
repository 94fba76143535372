"""What every Kubernetes client does with kubeauth: the same tests for all of them.

Each client is the real one, and lists the nodes of the simulated cluster.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import kr8s
import kubernetes.client
import kubernetes_asyncio.client
import pytest
import requests
from kr8s._async_utils import as_sync_func
from lightkube import ApiError
from lightkube.resources.core_v1 import Node

import kubeauth
from kubeauth import ServicePrincipal, SignInRefused, Unreachable
from kubeauth.testing import Fault

integrations = kubeauth.integrations

Lister = Callable[[], list[str]]


@contextmanager
def official(**options: Any) -> Iterator[Lister]:
    with integrations.kubernetes.new_client(**options) as client:
        api = kubernetes.client.CoreV1Api(client)
        yield lambda: [node.metadata.name for node in api.list_node().items]


@contextmanager
def in_a_loop(opened: Any, listing: Any, closing: Any) -> Iterator[Lister]:
    """A client of asyncio, for tests that are not."""
    loop = asyncio.new_event_loop()
    try:
        client = loop.run_until_complete(opened())
        try:
            yield lambda: loop.run_until_complete(listing(client))
        finally:
            loop.run_until_complete(closing(client))
            # A connection that was closed is let go in one of the loop's next rounds.
            loop.run_until_complete(asyncio.sleep(0.05))
            loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


@contextmanager
def official_asyncio(**options: Any) -> Iterator[Lister]:
    async def listing(client):
        nodes = await kubernetes_asyncio.client.CoreV1Api(client).list_node()
        return [node.metadata.name for node in nodes.items]

    opened = lambda: integrations.kubernetes_asyncio.new_client(**options)  # noqa: E731
    with in_a_loop(opened, listing, lambda client: client.close()) as lister:
        yield lister


@contextmanager
def kr8s_sync(**options: Any) -> Iterator[Lister]:
    api = integrations.kr8s.load(**options)
    yield lambda: [node.name for node in api.get("nodes")]
    as_sync_func(api._session.aclose)()


@contextmanager
def kr8s_async(**options: Any) -> Iterator[Lister]:
    async def listing(api):
        return [node.name async for node in api.get("nodes")]

    async def closing(api):
        await api._session.aclose()

    opened = lambda: integrations.kr8s.load_async(**options)  # noqa: E731
    with in_a_loop(opened, listing, closing) as lister:
        yield lister


@contextmanager
def lightkube_sync(**options: Any) -> Iterator[Lister]:
    client = integrations.lightkube.load(**options)
    try:
        yield lambda: [node.metadata.name for node in client.list(Node)]
    finally:
        client._client._client.close()


@contextmanager
def lightkube_async(**options: Any) -> Iterator[Lister]:
    async def opened():
        return integrations.lightkube.load_async(**options)

    async def listing(client):
        return [node.metadata.name async for node in client.list(Node)]

    with in_a_loop(opened, listing, lambda client: client.close()) as lister:
        yield lister


def names(document: Any) -> list[str]:
    return [item["metadata"]["name"] for item in document["items"]]


@contextmanager
def httpx_sync(**options: Any) -> Iterator[Lister]:
    with integrations.httpx.load(**options) as client:
        yield lambda: names(client.get("/api/v1/nodes").raise_for_status().json())


@contextmanager
def httpx_async(**options: Any) -> Iterator[Lister]:
    async def opened():
        return integrations.httpx.load_async(**options)

    async def listing(client):
        return names((await client.get("/api/v1/nodes")).raise_for_status().json())

    with in_a_loop(opened, listing, lambda client: client.aclose()) as lister:
        yield lister


@contextmanager
def requests_session(*, cluster: kubeauth.Cluster, credential: Any, **_: Any) -> Iterator[Lister]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = integrations.requests.BearerAuth(credential)
        session.verify = integrations._target.authority_file(cluster)

        def listing():
            answer = session.get(f"{cluster.server}/api/v1/nodes", timeout=10)
            answer.raise_for_status()
            return names(answer.json())

        yield listing


# What each client raises for a 401 that stays one.
CLIENTS = {
    official: kubernetes.client.ApiException,
    official_asyncio: kubernetes_asyncio.client.ApiException,
    kr8s_sync: kr8s.ServerError,
    kr8s_async: kr8s.ServerError,
    lightkube_sync: ApiError,
    lightkube_async: ApiError,
    httpx_sync: httpx.HTTPStatusError,
    httpx_async: httpx.HTTPStatusError,
    requests_session: requests.HTTPError,
}
# Those that learn of a token's end by a 401 only.
REACTIVE = (kr8s_sync, kr8s_async)
# Those that sign in from many threads.
THREADED = (official, lightkube_sync, httpx_sync, requests_session)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.__name__)
def client(request):
    yield request.param
    if "kr8s" in request.param.__name__:
        # kr8s forgets a session whose loop has ended; its connections go here, not in a later test.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture
def cluster(sim):
    return kubeauth.Cluster(sim.cluster.server, ca_data=sim.cluster.ca_pem)


@pytest.fixture
def options(cluster, principal):
    return {"cluster": cluster, "credential": principal}


@pytest.fixture
def nodes(sim):
    """The nodes, as somebody sees them who has a token without kubeauth."""
    token = sim.mint_token(sim.tenant.add_application("judge"))
    answer = requests.get(
        f"{sim.cluster.server}/api/v1/nodes",
        headers={"Authorization": f"Bearer {token}"},
        verify=str(sim.ca_file),
        timeout=10,
    )
    return names(answer.json())


def test_signs_in_once(client, options, nodes, sign_ins):
    with client(**options) as listing:
        assert listing() == listing() == nodes
    assert len(nodes) > 0 and sign_ins() == 1


def test_over_the_end_of_a_token(client, options, nodes, sim, outside, sign_ins):
    with client(**options) as listing:
        for _ in range(3):
            assert listing() == nodes
            outside.pass_time(3700)
    assert sign_ins() == 3
    assert len(sim.cluster.refusals) == (2 if client in REACTIVE else 0)


def test_over_a_revocation(client, options, nodes, sim, app, sign_ins):
    with client(**options) as listing:
        assert listing() == nodes
        sim.revoke(app)
        assert listing() == nodes
    assert sim.cluster.refusals == ["revoked"] and sign_ins() == 2


def test_over_many_ends_in_no_time(client, options, nodes, sim, sign_ins):
    """The server's clock runs ahead, so that only its 401 tells of a token's end."""
    with client(**options) as listing:
        for _ in range(8):
            assert listing() == nodes
            sim.advance(4000)
    assert sign_ins() == 8


@pytest.mark.slow
def test_a_server_that_rejects_every_other_request_does_not_cause_a_storm(
    client, options, nodes, sim, app, sign_ins
):
    with client(**options) as listing:
        for _ in range(30):
            try:
                listing()
            except CLIENTS[client]:
                continue
            sim.revoke(app)
    assert sign_ins() == 11


def test_a_refused_sign_in_is_raised_and_nothing_is_sent(client, options, sim):
    sim.fail_next(7000222, times=None)
    with pytest.raises(SignInRefused) as caught, client(**options) as listing:
        listing()
    assert caught.value.code == "AADSTS7000222" and caught.value.hint
    assert sim.requests.count(service="apiserver") == 0


def test_a_sign_in_that_fails_later_is_raised(client, options, nodes, sim, app, outside):
    with client(**options) as listing:
        assert listing() == nodes
        sim.revoke(app)
        sim.faults.add(Fault(service="entra", status=401, body=b"no", times=None))
        with pytest.raises(Unreachable):
            listing()
        sim.faults.clear()
        assert listing() == nodes, "and when it is over, all is well"


def test_a_token_that_is_never_admitted_is_not_asked_for_over_and_over(
    client, options, nodes, sim, sign_ins
):
    with client(**options) as listing:
        assert listing() == nodes
        sim.cluster.server_id = "another-server"
        for _ in range(4):
            with pytest.raises(CLIENTS[client]) as caught:
                listing()
    text = f"{caught.value} {caught.value!r}"
    assert "401" in text or "Unauthorized" in text
    assert sign_ins() == 2


@pytest.mark.parametrize("client", THREADED, ids=lambda client: client.__name__)
@pytest.mark.parametrize("revoked", [False, True], ids=["cold", "revoked"])
def test_ten_threads_make_one_sign_in(client, options, nodes, sim, app, sign_ins, revoked):
    barrier = threading.Barrier(10)
    with client(**options) as listing:
        if revoked:
            listing()
            sim.revoke(app)

        def ask(_):
            barrier.wait()
            return listing()

        with ThreadPoolExecutor(10) as pool:
            assert list(pool.map(ask, range(10))) == [nodes] * 10
    assert sign_ins() == (2 if revoked else 1)


@pytest.fixture
def from_file(sim, app, outside, tmp_path):
    """Options of ``load`` that name a kubeconfig, whose user runs kubelogin with a secret."""
    path = tmp_path / "config"
    text = sim.kubeconfig("exec", "prod")
    path.write_text(text.replace("current-context: prod", "current-context: none"))
    outside.environ |= {
        "AAD_LOGIN_METHOD": "spn",
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_CLIENT_SECRET": app.secret,
        "AZURE_AUTHORITY_HOST": sim.authority,
        "KUBECONFIG": str(path),
    }
    flags = ["- --authority-host", f"- {sim.authority}", "- --disable-instance-discovery"]
    changed = path.read_text().replace(
        "- get-token\n", "- get-token\n" + "".join(f"      {flag}\n" for flag in flags)
    )
    path.write_text(changed)
    return {"context": "prod", "system": outside.system()}


with_load = pytest.mark.parametrize(
    "client", [each for each in CLIENTS if each is not requests_session], ids=lambda c: c.__name__
)


@with_load
def test_reads_the_kubeconfig(client, from_file, nodes):
    with client(**from_file) as listing:
        assert listing() == nodes


@with_load
def test_a_given_credential_signs_in_instead_of_the_kubeconfigs_user(
    client, sim, principal, nodes, tmp_path, sign_ins
):
    path = tmp_path / "config"
    path.write_text(sim.kubeconfig("token", token="worthless"))
    with client(path=path, credential=principal) as listing:
        assert listing() == nodes
    assert sign_ins() == 1


@with_load
def test_a_cluster_without_a_credential_is_refused(client, cluster):
    with pytest.raises(kubeauth.SettingsError, match="no credential"), client(cluster=cluster):
        pass


def test_another_principal_is_another_identity(options, sim, outside, nodes, sign_ins):
    """Two clients at a time keep their tokens apart."""
    other = sim.tenant.add_application("other")
    second = ServicePrincipal(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=other.client_id,
        client_secret=other.secret,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        system=outside.system(),
    )
    with official(**options) as one, official(**{**options, "credential": second}) as two:
        assert one() == two() == nodes
        sim.revoke(other)
        assert one() == two() == nodes
    assert sign_ins() == 3


def test_a_token_that_is_bound_to_a_key(client, cluster, nodes, sim, app, outside, sign_ins):
    """Proof of possession, as Azure Arc wants it: every request is signed, or soon signed anew."""
    sim.cluster.require_pop = True
    wanted = kubeauth.Settings(
        login="spn",
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        client_secret=app.secret,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        pop_enabled=True,
        pop_claims=f"u={sim.cluster.resource_id}",
    )
    credential = kubeauth.from_settings(wanted, system=outside.system())
    with client(cluster=cluster, credential=credential) as listing:
        assert listing() == nodes
        outside.pass_time(900)
        assert listing() == nodes
        before = sign_ins()
        assert before == (2 if client in REACTIVE else 1), "a signature is made anew, not a token"
        outside.pass_time(20)
        sim.revoke(app)
        assert listing() == nodes
    assert sign_ins() == before + 1
