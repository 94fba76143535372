"""The client ``kr8s``, synchronous or asynchronous, with tokens from kubeauth.

kr8s does not know when a token expires. After a 401 or 403 it reads the token again and repeats the
request.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import kr8s
import kr8s.asyncio

from kubeauth.integrations._bearer import Bearer
from kubeauth.integrations._target import LoadOptions, Target, find_target

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load", "load_async"]

_BEARER = "Bearer "


def load(context: str = "", **options: Unpack[LoadOptions]) -> kr8s.Api:
    """Return kr8s's ``Api`` for ``context``; pass it as ``api=`` or call its methods.

    Signs in at once. See ``LoadOptions`` for the options. Raises KubeconfigError, SettingsError and
    SignInError.
    """
    target = find_target(context, options)
    bearer = Bearer(target.credential)
    first = bearer.header()
    api = kr8s.api(kubeconfig=_kubeconfig(target, first))  # type: ignore[arg-type]
    return _renewing(api, bearer)  # type: ignore[no-any-return]


async def load_async(context: str = "", **options: Unpack[LoadOptions]) -> kr8s.asyncio.Api:
    """Return the asynchronous ``Api`` of ``context``; see ``load``. Sign in in a thread."""
    target = await anyio.to_thread.run_sync(find_target, context, options)
    bearer = Bearer(target.credential)
    first = await anyio.to_thread.run_sync(bearer.header)
    api = await kr8s.asyncio.api(kubeconfig=_kubeconfig(target, first))  # type: ignore[arg-type]
    return _renewing(api, bearer)  # type: ignore[no-any-return]


def _kubeconfig(target: Target, header: str) -> dict[str, Any]:
    """Return a kubeconfig as a dictionary, the form that kr8s accepts."""
    cluster: dict[str, Any] = {"server": target.cluster.server}
    if target.cluster.ca_data:
        cluster["certificate-authority-data"] = base64.b64encode(target.cluster.ca_data).decode()
    if target.cluster.tls_server_name:
        cluster["tls-server-name"] = target.cluster.tls_server_name
    if target.cluster.proxy_url:
        cluster["proxy-url"] = target.cluster.proxy_url
    if target.cluster.insecure:
        cluster["insecure-skip-tls-verify"] = True
    name = target.name
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": header.removeprefix(_BEARER)}}],
        "contexts": [
            {
                "name": name,
                "context": {"cluster": name, "user": name, "namespace": target.namespace},
            }
        ],
    }


def _renewing(api: Any, bearer: Bearer) -> Any:
    """Make the client get its next token from kubeauth instead of the kubeconfig."""
    auth = api.auth

    async def reauthenticate() -> None:
        sent = _BEARER + (auth.token or "")
        value = await anyio.to_thread.run_sync(bearer.after_rejection, sent)
        auth.token = (value or sent).removeprefix(_BEARER)

    send = api.call_api

    @contextlib.asynccontextmanager
    async def call_api(*args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        async with send(*args, **options) as response:
            bearer.answered(_BEARER + (auth.token or ""), response.status_code)
            yield response

    auth.reauthenticate = reauthenticate
    api.call_api = call_api
    return api
