"""The client ``lightkube``, synchronous or asynchronous, with a transport that adds the token.

A client with its own transport ignores proxy variables, so this module reads them and the
kubeconfig's ``proxy-url``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
import lightkube
import requests.utils
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, Context, User

from kubeauth.integrations._bearer import Bearer
from kubeauth.integrations._target import LoadOptions, Target, find_target, tls_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load", "load_async"]

# lightkube uses httpx, or since 1.0 httpx2.
_httpx: Any = client_adapter.httpx  # type: ignore[attr-defined]


def load(context: str = "", **options: Unpack[LoadOptions]) -> lightkube.Client:
    """Return a client for ``context``. See ``LoadOptions`` for the options.

    Raises KubeconfigError and SettingsError; its requests raise SignInError.
    """
    target = find_target(context, options)
    return lightkube.Client(config=_config(target), transport=_Transport(target))


def load_async(context: str = "", **options: Unpack[LoadOptions]) -> lightkube.AsyncClient:
    """Return an asynchronous client for ``context``; see ``load``. It signs in in a thread."""
    target = find_target(context, options)
    return lightkube.AsyncClient(config=_config(target), transport=_AsyncTransport(target))


def _config(target: Target) -> SingleConfig:
    return SingleConfig(
        context_name=target.name,
        context=Context(cluster=target.name, namespace=target.namespace),
        cluster=Cluster(server=target.cluster.server),
        user=User(),
    )


def _transport_options(target: Target) -> dict[str, Any]:
    """Return the arguments of the transport that sends the requests."""
    server = target.cluster.server
    proxies = requests.utils.get_environ_proxies(server)
    proxy = target.cluster.proxy_url or requests.utils.select_proxy(server, proxies)
    return {"verify": tls_context(target.cluster), "proxy": proxy or None}


def _sign(request: Any, target: Target, header: str) -> None:
    request.headers["Authorization"] = header
    if target.cluster.tls_server_name:
        names = {"sni_hostname": target.cluster.tls_server_name}
        request.extensions = {**request.extensions, **names}


class _Transport(_httpx.BaseTransport):  # type: ignore[misc]
    """Sends requests with a token, and once more with a new token after a 401."""

    def __init__(self, target: Target) -> None:
        self._target, self._bearer = target, Bearer(target.credential)
        self._below = _httpx.HTTPTransport(**_transport_options(target))

    def handle_request(self, request: Any) -> Any:
        sent = self._bearer.header()
        _sign(request, self._target, sent)
        response = self._below.handle_request(request)
        if self._bearer.answered(sent, response.status_code):
            return response
        response.read()
        response.close()
        value = self._bearer.after_rejection(sent)
        if value is None:
            return response
        _sign(request, self._target, value)
        again = self._below.handle_request(request)
        self._bearer.answered(value, again.status_code)
        return again

    def close(self) -> None:
        self._below.close()


class _AsyncTransport(_httpx.AsyncBaseTransport):  # type: ignore[misc]
    """Sends requests with a token, and once more with a new token after a 401."""

    def __init__(self, target: Target) -> None:
        self._target, self._bearer = target, Bearer(target.credential)
        self._below = _httpx.AsyncHTTPTransport(**_transport_options(target))

    async def handle_async_request(self, request: Any) -> Any:
        sent = await anyio.to_thread.run_sync(self._bearer.header)
        _sign(request, self._target, sent)
        response = await self._below.handle_async_request(request)
        if self._bearer.answered(sent, response.status_code):
            return response
        await response.aread()
        await response.aclose()
        value = await anyio.to_thread.run_sync(self._bearer.after_rejection, sent)
        if value is None:
            return response
        _sign(request, self._target, value)
        again = await self._below.handle_async_request(request)
        self._bearer.answered(value, again.status_code)
        return again

    async def aclose(self) -> None:
        await self._below.aclose()
