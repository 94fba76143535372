"""After ``load``, every way to use the official clients survives a 401 within one call."""

from __future__ import annotations

import asyncio

import kubernetes.client
import kubernetes.dynamic
import kubernetes.watch
import kubernetes_asyncio.client
import kubernetes_asyncio.dynamic
import kubernetes_asyncio.watch
import pytest

import kubeauth
from kubeauth.integrations import kubernetes as official
from kubeauth.integrations import kubernetes_asyncio as official_asyncio

NODES = ["node-0", "node-1"]


@pytest.fixture
def options(sim, principal):
    cluster = kubeauth.Cluster(sim.cluster.server, ca_data=sim.cluster.ca_pem)
    yield {"cluster": cluster, "credential": principal}
    kubernetes.client.Configuration.set_default(None)
    kubernetes.client.ApiClient.set_default(None)
    kubernetes_asyncio.client.Configuration.set_default(None)


def names(items):
    return [item.metadata.name for item in items]


def with_default_api():
    return names(kubernetes.client.CoreV1Api().list_node().items)


def with_new_client():
    client = kubernetes.client.ApiClient()
    return names(kubernetes.client.CoreV1Api(client).list_node().items)


def with_context_manager():
    with kubernetes.client.ApiClient() as client:
        return names(kubernetes.client.CoreV1Api(client).list_node().items)


def with_copied_configuration():
    copied = kubernetes.client.Configuration.get_default_copy()
    with kubernetes.client.ApiClient(copied) as client:
        return names(kubernetes.client.CoreV1Api(client).list_node().items)


def with_dynamic_client():
    with kubernetes.client.ApiClient() as client:
        dynamic = kubernetes.dynamic.DynamicClient(client)
        nodes = dynamic.resources.get(api_version="v1", kind="Node")
        return names(nodes.get().items)


def with_watch():
    with kubernetes.client.ApiClient() as client:
        api = kubernetes.client.CoreV1Api(client)
        stream = kubernetes.watch.Watch().stream(api.list_node, timeout_seconds=1)
        return names(event["object"] for event in stream)


def with_raw_response():
    with kubernetes.client.ApiClient() as client:
        answer = kubernetes.client.CoreV1Api(client).list_node(_preload_content=False)
        return NODES if b"node-1" in answer.data else []


def with_thread():
    with kubernetes.client.ApiClient() as client:
        pending = kubernetes.client.CoreV1Api(client).list_node(async_req=True)
        return names(pending.get(timeout=30).items)


IDIOMS = [
    with_default_api,
    with_new_client,
    with_context_manager,
    with_copied_configuration,
    with_dynamic_client,
    with_watch,
    with_raw_response,
    with_thread,
]


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.__name__)
def test_the_official_client_heals(idiom, options, sim, app, sign_ins):
    with official.load(**options):
        assert idiom() == NODES
        sim.revoke(app)
        assert idiom() == NODES
    assert sim.cluster.refusals == ["revoked"] and sign_ins() == 2


def test_a_client_that_lives_on_heals(options, sim, app):
    with official.load(**options), kubernetes.client.ApiClient() as client:
        api = kubernetes.client.CoreV1Api(client)
        for _ in range(2):
            assert names(api.list_node().items) == NODES
            sim.revoke(app)


def test_a_configuration_heals(options, sim, app):
    with kubernetes.client.ApiClient(official.configuration(**options)) as client:
        api = kubernetes.client.CoreV1Api(client)
        for _ in range(2):
            assert names(api.list_node().items) == NODES
            sim.revoke(app)


def test_the_token_of_another_is_left_alone(options, sim, app, sign_ins):
    """A client that has a token of its own sees the 401, and causes no sign-in."""
    with official.load(**options) as client:
        own = kubernetes.client.Configuration()
        own.host, own.ssl_ca_cert = sim.cluster.server, client.configuration.ssl_ca_cert
        own.api_key["authorization"] = "Bearer " + sim.mint_token(app)
        sim.revoke(app)
        with (
            kubernetes.client.ApiClient(own) as other,
            pytest.raises(kubernetes.client.ApiException, match="401"),
        ):
            kubernetes.client.CoreV1Api(other).list_node()
    assert sim.requests.count(service="apiserver") == 1 and sign_ins() == 1


async def async_default_api():
    api = kubernetes_asyncio.client.CoreV1Api()
    try:
        return names((await api.list_node()).items)
    finally:
        await api.api_client.close()


async def async_context_manager():
    async with kubernetes_asyncio.client.ApiClient() as client:
        return names((await kubernetes_asyncio.client.CoreV1Api(client).list_node()).items)


async def async_dynamic_client():
    async with kubernetes_asyncio.client.ApiClient() as client:
        dynamic = await kubernetes_asyncio.dynamic.DynamicClient(client)
        nodes = await dynamic.resources.get(api_version="v1", kind="Node")
        return names((await nodes.get()).items)


async def async_watch():
    async with kubernetes_asyncio.client.ApiClient() as client:
        api = kubernetes_asyncio.client.CoreV1Api(client)
        stream = kubernetes_asyncio.watch.Watch().stream(api.list_node, timeout_seconds=1)
        return names([event["object"] async for event in stream])


async def async_raw_response():
    async with kubernetes_asyncio.client.ApiClient() as client:
        api = kubernetes_asyncio.client.CoreV1Api(client)
        answer = await api.list_node(_preload_content=False)
        return NODES if b"node-1" in await answer.read() else []


ASYNC_IDIOMS = [
    async_default_api,
    async_context_manager,
    async_dynamic_client,
    async_watch,
    async_raw_response,
]


@pytest.mark.parametrize("idiom", ASYNC_IDIOMS, ids=lambda idiom: idiom.__name__)
def test_the_asynchronous_client_heals(idiom, options, sim, app, sign_ins):
    async def run():
        async with await official_asyncio.load(**options):
            first = await idiom()
            sim.revoke(app)
            return first, await idiom()

    assert asyncio.run(run()) == (NODES, NODES)
    assert sim.cluster.refusals == ["revoked"] and sign_ins() == 2
