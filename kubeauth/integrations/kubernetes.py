"""The official client ``kubernetes``, configured to get its tokens from kubeauth.

It runs no exec plugin. If a sign-in fails, the call raises; without kubeauth the client would send
the request without a token. After a 401 the client sends the request once more with a new token.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import kubernetes.client
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject

from kubeauth.integrations._bearer import Bearer, Bearers
from kubeauth.integrations._target import LoadOptions, Target, authority_file, find_target

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["configuration", "load", "new_client"]

_BEARERS: Final = Bearers()


def load(context: str = "", **options: Unpack[LoadOptions]) -> kubernetes.client.ApiClient:
    """Return a client for ``context`` and make it the default, as ``config.load_kube_config`` does.

    From then on ``CoreV1Api()``, ``ApiClient()`` and ``DynamicClient(ApiClient())`` sign in with
    kubeauth, too. Signs in at once. See ``LoadOptions`` for the options. Raises KubeconfigError,
    SettingsError and SignInError.
    """
    api_client = new_client(context, **options)
    kubernetes.client.Configuration.set_default(api_client.configuration)
    set_default = getattr(kubernetes.client.ApiClient, "set_default", None)
    if set_default is not None:  # the older ones make a new client of the configuration
        set_default(api_client)
    return api_client


def new_client(context: str = "", **options: Unpack[LoadOptions]) -> kubernetes.client.ApiClient:
    """Return a client for ``context``, and change nothing else; see ``load``."""
    target = find_target(context, options)
    return kubernetes.client.ApiClient(_configured(target))


def configuration(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes.client.Configuration:
    """Return a configuration for ``context``, for clients of your own; see ``load``.

    Its ``refresh_api_key_hook`` keeps the token fresh. Clients made from it, or from a copy of it,
    send a request once more with a new token after a 401.
    """
    target = find_target(context, options)
    return _configured(target)


def _configured(target: Target) -> kubernetes.client.Configuration:
    made: Any = kubernetes.client.Configuration()
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
    def refresh(changed: kubernetes.client.Configuration) -> None:
        changed.api_key["authorization"] = bearer.header()

    refresh(made)
    made.refresh_api_key_hook = refresh
    configured: kubernetes.client.Configuration = made
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

    Up to version 36 the client raises for a 401, later versions return the response.
    """

    @functools.wraps(send)
    def request(*args: Any, **options: Any) -> Any:
        headers = dict(options.get("headers") or {})
        sent = headers.get("authorization", "")
        bearer = _BEARERS.find(sent)
        if bearer is None:
            return send(*args, **options)
        refusal: ApiException | None = None
        response: Any = None
        try:
            # A copy: the client may change it while it sends.
            response = send(*args, **{**options, "headers": dict(headers)})
            if bearer.answered(sent, response.status):
                return response
        except ApiException as error:
            if bearer.answered(sent, error.status):
                raise
            refusal = error
        value = bearer.after_rejection(sent)
        if value is not None:
            if response is not None:
                response.read()
            changed = {**headers, "authorization": value}
            again = send(*args, **{**options, "headers": changed})
            bearer.answered(value, again.status)
            return again
        if refusal is not None:
            raise refusal
        return response

    return request
