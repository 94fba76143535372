"""Authentication for all clients of httpx, synchronous or asynchronous."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING

import anyio.to_thread
import httpx

from kubeauth.credential import Credential
from kubeauth.integrations._bearer import Bearer
from kubeauth.integrations._target import LoadOptions, Target, find_target, tls_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["BearerAuth", "load", "load_async"]


class BearerAuth(httpx.Auth):
    """A credential as the ``auth`` of an httpx client or request.

    After a 401 it sends the request once more with a new token. For an asynchronous client it signs
    in in a thread.
    """

    def __init__(self, credential: Credential) -> None:
        self._bearer = Bearer(credential)

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with a token. Raises SignInError if the sign-in fails."""
        sent = request.headers["Authorization"] = self._bearer.header()
        response = yield request
        if self._rejected(response, sent):
            response.read()
            if value := self._bearer.after_rejection(sent):
                request.headers["Authorization"] = value
                response = yield request
                self._rejected(response, value)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send a request with a token. Raises SignInError if the sign-in fails."""
        sent = await anyio.to_thread.run_sync(self._bearer.header)
        request.headers["Authorization"] = sent
        response = yield request
        if self._rejected(response, sent):
            await response.aread()
            value = await anyio.to_thread.run_sync(self._bearer.after_rejection, sent)
            if value:
                request.headers["Authorization"] = value
                response = yield request
                self._rejected(response, value)

    def _rejected(self, response: httpx.Response, sent: str) -> bool:
        """Return whether the API server rejected the token; a redirect's target does not count."""
        has_token = response.request.headers.get("Authorization") == sent
        return has_token and not self._bearer.answered(sent, response.status_code)


def load(context: str = "", **options: Unpack[LoadOptions]) -> httpx.Client:
    """Return a client of the API server of ``context``, for paths like ``/api/v1/nodes``.

    See ``LoadOptions`` for the options. Raises KubeconfigError and SettingsError.
    """
    target = find_target(context, options)
    return httpx.Client(
        auth=BearerAuth(target.credential),
        base_url=target.cluster.server,
        verify=tls_context(target.cluster),
        proxy=target.cluster.proxy_url or None,
        event_hooks={"request": [lambda request: _name_server(request, target)]},
    )


def load_async(context: str = "", **options: Unpack[LoadOptions]) -> httpx.AsyncClient:
    """Return an asynchronous client of the API server of ``context``; see ``load``."""
    target = find_target(context, options)

    async def name_server(request: httpx.Request) -> None:
        _name_server(request, target)

    return httpx.AsyncClient(
        auth=BearerAuth(target.credential),
        base_url=target.cluster.server,
        verify=tls_context(target.cluster),
        proxy=target.cluster.proxy_url or None,
        event_hooks={"request": [name_server]},
    )


def _name_server(request: httpx.Request, target: Target) -> None:
    """Expect the certificate to have the server name of the kubeconfig."""
    if target.cluster.tls_server_name:
        request.extensions = {
            **request.extensions,
            "sni_hostname": target.cluster.tls_server_name,
        }
