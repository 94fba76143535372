"""The asynchronous client ``kubernetes_asyncio``: configured so that it always has a token.

The sign-in blocks, so it runs in a thread. A failed one is raised, and a 401 is answered with a new
token.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import kubernetes_asyncio.client
from kubernetes_asyncio.client.exceptions import ApiException

from kubeauth.integrations._bearer import Bearer
from kubeauth.integrations._target import LoadOptions, Target, authority_file, find_target

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["configuration", "load", "new_client"]


async def load(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes_asyncio.client.ApiClient:
    """Give a client for ``context``, and make its configuration the default for others.

    Close it, or use it in ``async with``. Signs in at once. See ``LoadOptions`` for the options.
    Raises KubeconfigError, SettingsError and SignInError.
    """
    api_client = await new_client(context, **options)
    kubernetes_asyncio.client.Configuration.set_default(api_client.configuration)
    return api_client


async def new_client(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes_asyncio.client.ApiClient:
    """Give a client for ``context``, and change nothing else; see ``load``."""
    target = await asyncio.to_thread(find_target, context, options)
    bearer = Bearer(target.credential)
    api_client = kubernetes_asyncio.client.ApiClient(await _configured(target, bearer))
    rest: Any = api_client.rest_client
    rest.request = _repeating(rest.request, bearer)
    return api_client


async def configuration(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes_asyncio.client.Configuration:
    """Give a configuration for ``context``, for clients of your own; see ``load``.

    Its ``refresh_api_key_hook`` keeps the token fresh. A 401 is repeated only by the clients that
    ``load`` and ``new_client`` give.
    """
    target = await asyncio.to_thread(find_target, context, options)
    return await _configured(target, Bearer(target.credential))


async def _configured(target: Target, bearer: Bearer) -> kubernetes_asyncio.client.Configuration:
    made: Any = kubernetes_asyncio.client.Configuration()
    made.host = target.cluster.server.rstrip("/")
    made.verify_ssl = not target.cluster.insecure
    made.ssl_ca_cert = authority_file(target.cluster)
    if target.cluster.tls_server_name:
        made.tls_server_name = target.cluster.tls_server_name
    if target.cluster.proxy_url:
        made.proxy = target.cluster.proxy_url

    # A function, not a method: the client copies configurations deeply, and the token is shared.
    async def refresh(changed: kubernetes_asyncio.client.Configuration) -> None:
        changed.api_key["BearerToken"] = await asyncio.to_thread(bearer.header)

    await refresh(made)
    made.refresh_api_key_hook = refresh
    configured: kubernetes_asyncio.client.Configuration = made
    return configured


def _repeating(send: Any, bearer: Bearer) -> Any:
    """Give the client's ``request`` with one more try after a 401.

    The client raises for it, but returns it where the answer is a stream.
    """

    @functools.wraps(send)
    async def request(*args: Any, headers: dict[str, str] | None = None, **options: Any) -> Any:
        headers = dict(headers or {})
        sent = headers.get("authorization", "")
        refusal: ApiException | None = None
        response: Any = None
        try:
            # A copy: the client may change it while it sends.
            response = await send(*args, headers=dict(headers), **options)
            if bearer.answered(sent, response.status):
                return response
        except ApiException as error:
            if bearer.answered(sent, error.status):
                raise
            refusal = error
        value = await asyncio.to_thread(bearer.after_rejection, sent)
        if value is not None:
            if response is not None:
                response.release()
            again = await send(*args, headers={**headers, "authorization": value}, **options)
            bearer.answered(value, again.status)
            return again
        if refusal is not None:
            raise refusal
        return response

    return request
