"""The asynchronous client ``kubernetes_asyncio``, configured to get its tokens from kubeauth.

A sign-in blocks, so it runs in a thread. If it fails, the call raises. After a 401 the client sends
the request once more with a new token.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Final

import kubernetes_asyncio.client
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.client.rest import RESTClientObject

from kubeauth.integrations._bearer import Bearer, Bearers
from kubeauth.integrations._target import LoadOptions, Target, authority_file, find_target

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["configuration", "load", "new_client"]

_BEARERS: Final = Bearers()


async def load(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes_asyncio.client.ApiClient:
    """Return a client for ``context``, and make its configuration the default.

    From then on ``ApiClient()`` signs in with kubeauth, too. Close each client, or use it in
    ``async with``. Signs in at once. See ``LoadOptions`` for the options.
    Raises KubeconfigError, SettingsError and SignInError.
    """
    api_client = await new_client(context, **options)
    kubernetes_asyncio.client.Configuration.set_default(api_client.configuration)
    return api_client


async def new_client(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes_asyncio.client.ApiClient:
    """Return a client for ``context``, and change nothing else; see ``load``."""
    target = await asyncio.to_thread(find_target, context, options)
    return kubernetes_asyncio.client.ApiClient(await _configured(target))


async def configuration(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes_asyncio.client.Configuration:
    """Return a configuration for ``context``, for clients of your own; see ``load``.

    Its ``refresh_api_key_hook`` keeps the token fresh. Clients made from it, or from a copy of it,
    send a request once more with a new token after a 401.
    """
    target = await asyncio.to_thread(find_target, context, options)
    return await _configured(target)


async def _configured(target: Target) -> kubernetes_asyncio.client.Configuration:
    made: Any = kubernetes_asyncio.client.Configuration()
    bearer = Bearer(target.credential)
    _BEARERS.add(bearer)
    _repeat_after_401()
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


@functools.cache
def _repeat_after_401() -> None:
    """Let every REST client of this library repeat a request after a 401, from now on.

    ``ApiClient()`` makes its REST client from a copy of the default configuration, and neither has
    a hook for answers: so the class is changed, once. Requests whose token is not ours, a
    program's own for instance, pass unchanged.
    """
    rest: Any = RESTClientObject
    rest.request = _repeating(rest.request)


def _repeating(send: Any) -> Any:
    """Return the REST client's ``request`` with one more try after a 401.

    The client raises for a 401, but returns the response if it is a stream.
    """

    @functools.wraps(send)
    async def request(*args: Any, **options: Any) -> Any:
        headers = dict(options.get("headers") or {})
        sent = headers.get("authorization", "")
        bearer = _BEARERS.find(sent)
        if bearer is None:
            return await send(*args, **options)
        refusal: ApiException | None = None
        response: Any = None
        try:
            # A copy: the client may change it while it sends.
            response = await send(*args, **{**options, "headers": dict(headers)})
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
            changed = {**headers, "authorization": value}
            again = await send(*args, **{**options, "headers": changed})
            bearer.answered(value, again.status)
            return again
        if refusal is not None:
            raise refusal
        return response

    return request
