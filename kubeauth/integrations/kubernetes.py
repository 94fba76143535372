"""The official client, ``kubernetes``: configured so that it always has a token.

What it does with exec plugins by itself it does not do here: no plugin is run, a failed sign-in is
raised instead of sending requests without a token, and a 401 is answered with a new token.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import kubernetes.client
from kubernetes.client.exceptions import ApiException

from kubeauth.integrations._bearer import Bearer
from kubeauth.integrations._target import LoadOptions, Target, authority_file, find_target

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["configuration", "load", "new_client"]


def load(context: str = "", **options: Unpack[LoadOptions]) -> kubernetes.client.ApiClient:
    """Give a client for ``context`` and make it the default, as ``config.load_kube_config`` does.

    ``kubernetes.client.CoreV1Api()`` works from then on, and so does handing in the client that is
    returned. Signs in at once. See ``LoadOptions`` for the options. Raises KubeconfigError,
    SettingsError and SignInError.
    """
    api_client = new_client(context, **options)
    kubernetes.client.Configuration.set_default(api_client.configuration)
    set_default = getattr(kubernetes.client.ApiClient, "set_default", None)
    if set_default is not None:  # the older ones make a new client of the configuration
        set_default(api_client)
    return api_client


def new_client(context: str = "", **options: Unpack[LoadOptions]) -> kubernetes.client.ApiClient:
    """Give a client for ``context``, and change nothing else; see ``load``."""
    target = find_target(context, options)
    bearer = Bearer(target.credential)
    api_client = kubernetes.client.ApiClient(_configured(target, bearer))
    rest: Any = api_client.rest_client
    rest.request = _repeating(rest.request, bearer)
    return api_client


def configuration(
    context: str = "", **options: Unpack[LoadOptions]
) -> kubernetes.client.Configuration:
    """Give a configuration for ``context``, for clients of your own; see ``load``.

    Its ``refresh_api_key_hook`` keeps the token fresh. A 401 is repeated only by the clients that
    ``load`` and ``new_client`` give.
    """
    target = find_target(context, options)
    return _configured(target, Bearer(target.credential))


def _configured(target: Target, bearer: Bearer) -> kubernetes.client.Configuration:
    made: Any = kubernetes.client.Configuration()
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


def _repeating(send: Any, bearer: Bearer) -> Any:
    """Give the client's ``request`` with one more try after a 401.

    Up to version 36 the client raises for it, later ones return it.
    """

    @functools.wraps(send)
    def request(*args: Any, headers: dict[str, str] | None = None, **options: Any) -> Any:
        headers = dict(headers or {})
        sent = headers.get("authorization", "")
        refusal: ApiException | None = None
        response: Any = None
        try:
            # A copy: the client may change it while it sends.
            response = send(*args, headers=dict(headers), **options)
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
            again = send(*args, headers={**headers, "authorization": value}, **options)
            bearer.answered(value, again.status)
            return again
        if refusal is not None:
            raise refusal
        return response

    return request
