"""List the nodes with the Python client that the first argument names; print their names."""

from __future__ import annotations

import asyncio
import sys


def official() -> list[str]:
    from kubernetes import client, config

    config.load_kube_config()
    return [node.metadata.name for node in client.CoreV1Api().list_node().items]


def kubernetes_asyncio() -> list[str]:
    from kubernetes_asyncio import client, config

    async def ask() -> list[str]:
        await config.load_kube_config()
        async with client.ApiClient() as api:
            return [node.metadata.name for node in (await client.CoreV1Api(api).list_node()).items]

    return asyncio.run(ask())


def kr8s() -> list[str]:
    import kr8s as library

    return [node.name for node in library.get("nodes")]


def lightkube() -> list[str]:
    from lightkube import Client
    from lightkube.resources.core_v1 import Node

    return [node.metadata.name for node in Client().list(Node)]


if __name__ == "__main__":
    clients = {f.__name__: f for f in (official, kubernetes_asyncio, kr8s, lightkube)}
    print("\n".join(clients[sys.argv[1]]()))
