"""The HTTP session of every sign-in: a direct connection, or the package requests for proxies.

MSAL uses it as its ``http_client``, because MSAL's own sets no time limit, does not retry, and
ignores the certificates that the machine trusts.
"""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Collection, Mapping

from kubeauth.adapters import limits
from kubeauth.adapters.answer import Answer
from kubeauth.adapters.direct import DirectSession
from kubeauth.adapters.tls import tls_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import requests

__all__ = ["HttpSession", "open_session"]


class HttpSession:
    """One sign-in's HTTP requests, all within its time limit.

    ``proxy_environ`` has the variables that may name a proxy; None forbids proxies.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        deadline: float,
        connect_limit: float,
        read_limit: float,
        transient: Collection[int],
        tries: int,
        proxy_environ: Mapping[str, str] | None,
        largest: int = limits.LARGEST_ANSWER,
    ) -> None:
        self._context = context
        self._options: dict[str, Any] = {
            "deadline": deadline,
            "connect_limit": connect_limit,
            "read_limit": read_limit,
            "transient": transient,
            "tries": tries,
            "largest": largest,
        }
        self._proxy_environ = proxy_environ
        self._requests: requests.Session | None = None

    def request(self, method: str, url: str, **more: Any) -> Answer:
        """Send one request and return the answer; see ``DirectSession.request``.

        Raises RequestFailed.
        """
        if self._requests is None and not _may_have_proxy(self._proxy_environ):
            return DirectSession(self._context, **self._options).request(method, url, **more)
        from kubeauth.adapters.requests_session import send

        return send(self.through_requests(), method, url, **more)

    def get(self, url: str, **more: Any) -> Answer:
        """Send a GET; see ``request``."""
        return self.request("GET", url, **_known(more))

    def post(self, url: str, **more: Any) -> Answer:
        """Send a POST; see ``request``."""
        return self.request("POST", url, **_known(more))

    def through_requests(self) -> requests.Session:
        """Return an HTTP session of requests with the same limits, and use it from now on."""
        if self._requests is None:
            from kubeauth.adapters.requests_session import requests_session

            self._requests = requests_session(
                self._context, proxy_environ=self._proxy_environ, **self._options
            )
        return self._requests

    def renewed(self, limit: float | None = None) -> HttpSession:
        """Return a session like this one, for the next ``limit`` seconds.

        Reading the system's certificates takes as long as many requests; the new one has them.
        """
        seconds = limit or limits.SIGN_IN_LIMIT
        options = {**self._options, "deadline": time.monotonic() + seconds}
        session = HttpSession(self._context, **options, proxy_environ=self._proxy_environ)
        if self._requests is not None:
            session.through_requests()
        return session

    def close(self) -> None:
        """Close every connection."""
        if self._requests is not None:
            self._requests.close()


def open_session(
    *,
    environ: Mapping[str, str],
    ca_file: str = "",
    limit: float | None = None,
    connect_limit: float | None = None,
    read_limit: float | None = None,
    machine: bool = False,
    imds: bool = False,
    largest: int | None = None,
) -> HttpSession:
    """Open an HTTP session for one sign-in.

    ``ca_file`` and ``environ`` choose the trusted certificates (see ``tls_context``); ``environ``
    also names the proxy (HTTPS_PROXY, NO_PROXY and the like, in upper or lower case). ``limit``
    bounds the sign-in, ``connect_limit`` each connection and ``read_limit`` each wait for an
    answer, in seconds. ``machine`` says that the endpoint is on this machine, so that no proxy
    applies; ``imds`` says that it is the instance metadata service, which needs more retries
    ("Error handling" in its documentation). ``largest`` bounds each answer, in bytes. Raises
    SettingsError for unreadable certificates.
    """
    seconds = limit or (limits.IMDS_LIMIT if imds else limits.SIGN_IN_LIMIT)
    usual = limits.MACHINE_CONNECT_LIMIT if machine else limits.CONNECT_LIMIT
    return HttpSession(
        tls_context(ca_file, environ),
        deadline=time.monotonic() + seconds,
        connect_limit=connect_limit or usual,
        read_limit=read_limit or limits.READ_LIMIT,
        transient=limits.IMDS_TRANSIENT if imds else limits.TRANSIENT,
        tries=7 if imds else 3,
        proxy_environ=None if machine else environ,
        largest=largest or limits.LARGEST_ANSWER,
    )


def _known(more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that ``request`` takes, of those that MSAL passes to an HTTP client."""
    return {name: more[name] for name in ("headers", "params", "data") if name in more}


def _may_have_proxy(environ: Mapping[str, str] | None) -> bool:
    """Return whether a proxy may apply; requests decides which one."""
    if environ is None:
        return False
    named = any(
        name.lower().endswith("_proxy") and name.lower() != "no_proxy" and value
        for name, value in environ.items()
    )
    # macOS and Windows also have system settings for proxies.
    return named or sys.platform in ("darwin", "win32")
