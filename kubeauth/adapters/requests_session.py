"""An HTTP session of the package requests, with our time limits, retries and certificates.

``HttpSession`` uses it for proxies; azure-identity and others require such a session.
"""

from __future__ import annotations

import logging
import queue
import re
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InvalidHeader, MaxRetryError, ReadTimeoutError, SSLError
from urllib3.util.retry import Retry
from urllib3.util.ssl_match_hostname import CertificateError
from urllib3.util.timeout import Timeout

from kubeauth import _env
from kubeauth.adapters.answer import Answer, Headers
from kubeauth.adapters.limits import LARGEST_ANSWER, LONGEST_PAUSE
from kubeauth.adapters.proxies import find_proxies
from kubeauth.adapters.request_failed import SOCKS, RequestFailed, causes_of
from kubeauth.errors import SettingsError

__all__ = ["Adapter", "requests_session", "send", "trust_only"]

logger = logging.getLogger(__name__)

# The shortest limit of a try, in seconds: urllib3 takes 0 as "no limit".
_SHORTEST: Final = 0.001
# How long to wait after the limit, in seconds, for urllib3 to fail itself with a better reason.
_GRACE: Final = 0.25
_CHUNK: Final = 1 << 16


class _Limits(Timeout):
    """The limits of each try, none beyond the sign-in's own deadline.

    ``connect`` is for the connection and ``read`` for each wait for an answer, in seconds;
    ``deadline`` is on the clock of time.monotonic().
    """

    def __init__(self, deadline: float, connect: float, read: float) -> None:
        super().__init__(connect=connect, read=read)
        self.deadline = deadline
        self._both = connect, read

    @property
    def left(self) -> float:
        """The seconds that the sign-in has left."""
        return max(self.deadline - time.monotonic(), _SHORTEST)

    def clone(self) -> Timeout:
        """Return the limits of one more try; urllib3 calls this before each."""
        connect, read = (min(limit, self.left) for limit in self._both)
        return Timeout(connect=connect, read=read)


class _Patience(Retry):
    """Which answers to retry, how often, and until when.

    ``deadline`` is on the clock of time.monotonic(). It is safe to repeat every request of a
    sign-in: Entra ID answers the repeated one in the same way.
    """

    deadline: float

    @classmethod
    def until(cls, deadline: float, statuses: Collection[int], tries: int) -> _Patience:
        """Return a policy that ends at ``deadline``, pausing 0, 1, 2, 4 … s."""
        policy = cls(
            total=tries,
            connect=2,
            read=2,
            redirect=False,
            status=tries,
            # urllib3 counts a connection that is lost in a proxy's tunnel here.
            other=2,
            allowed_methods=None,
            status_forcelist=statuses,
            backoff_factor=0.5,
            backoff_jitter=0.2,
            raise_on_status=False,
        )
        policy.deadline = deadline
        return policy

    def new(self, **kw: Any) -> _Patience:
        """Return a copy with the same deadline."""
        copy = super().new(**kw)
        copy.deadline = self.deadline
        return copy

    def get_retry_after(self, response: Any) -> float | None:
        """Return the pause in seconds that the server asks for; None if it is unreadable."""
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> _Patience:
        """Count one failed try; raises MaxRetryError if another try cannot help."""
        # A proxy that refuses will refuse again, and may lock an account after wrong passwords.
        refused = "Tunnel connection failed: 4" in str(error)
        if refused or isinstance(error, (SSLError, CertificateError)):
            raise MaxRetryError(_pool, url or "", error)
        following = super().increment(method, url, response, error, _pool, _stacktrace)
        asked = self.get_retry_after(response) if response is not None else None
        pause = following.get_backoff_time() if asked is None else asked
        if pause > LONGEST_PAUSE or time.monotonic() + pause > self.deadline:
            raise MaxRetryError(_pool, url or "", error)
        return following


class Session(requests.Session):
    """An HTTP session of the package requests, with our certificates, proxies and time limits.

    ``proxy_environ`` has the variables that name a proxy; None forbids proxies.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        patience: _Patience,
        limits: _Limits,
        proxy_environ: Mapping[str, str] | None,
        largest: int,
    ) -> None:
        super().__init__()
        self._largest = largest
        # NOTE: requests must not read ~/.netrc, which would add a password to token requests, nor
        # CA variables, which would override the context. ``find_proxies`` reads proxy variables.
        self.trust_env = False
        self._proxy_environ = proxy_environ
        self._limits = limits
        self.mount("https://", Adapter(context, patience))
        self.mount("http://", Adapter(context, patience))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kw: Any) -> Any:
        """Send one request; never follow a redirect, which could send a secret to another server.

        Ends at the sign-in's deadline in any case. The limits on each connection and each wait
        alone would add up, for a host with many addresses or an answer that comes byte by byte.
        """
        streams = kw.get("stream", False)
        kw |= {"timeout": self._limits, "allow_redirects": False, "stream": True}
        ended: queue.SimpleQueue[requests.Response | BaseException] = queue.SimpleQueue()

        opened: list[requests.Response] = []

        def send() -> None:
            try:
                found = super(Session, self).request(method, url, *args, **kw)
                opened.append(found)
                ended.put(found if streams else _whole(found, self._largest))
            except BaseException as error:
                ended.put(error)

        threading.Thread(target=send, daemon=True).start()
        try:
            found = ended.get(timeout=self._limits.left + _GRACE)
        except queue.Empty:
            for response in opened:
                response.raw.shutdown()
            raise requests.ReadTimeout(request=requests.Request(str(method), str(url))) from None
        if isinstance(found, BaseException):
            raise found
        # Log the address without its query, which may hold secrets.
        address = found.url.partition("?")[0]
        logger.debug("%s %s: HTTP %d", found.request.method, address, found.status_code)
        return found

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the settings of a request, with the proxy from ``proxy_environ``."""
        chosen = {} if self._proxy_environ is None else find_proxies(url, self._proxy_environ)
        return {"proxies": chosen, "stream": stream, "verify": True, "cert": cert}


def _whole(response: requests.Response, largest: int) -> requests.Response:
    """Read the body, up to ``largest`` bytes; raises RequestException."""
    parts, size = [], 0
    for part in response.iter_content(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > largest:
            response.close()
            raise requests.exceptions.ContentDecodingError(
                "the answer is larger than such an answer can be", request=response.request
            )
    # This does the work of `Response.content`, which has no limit.
    response._content = b"".join(parts)
    response._content_consumed = True  # type: ignore[attr-defined]
    return response


class Adapter(HTTPAdapter):
    """Connections that trust only the certificates that the given TLS context trusts.

    With ``server_name``, the server's certificate must have that name instead of the address's.
    With ``fingerprint`` (SHA-1, in hexadecimal), the server must have that certificate, whoever
    signed it; the context must then be one that does not verify certificates.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        retries: Retry,
        *,
        server_name: str = "",
        fingerprint: str = "",
    ) -> None:
        self._fingerprint = fingerprint
        self.context = context
        self._pool: dict[str, Any] = {"ssl_context": context}
        if server_name:
            self._pool |= {"server_hostname": server_name, "assert_hostname": server_name}
        if fingerprint:
            self._pool["assert_fingerprint"] = fingerprint
        super().__init__(max_retries=retries)

    def init_poolmanager(self, *args: Any, **kw: Any) -> None:
        """Hand the context to direct connections."""
        super().init_poolmanager(*args, **{**kw, **self._pool})

    def proxy_manager_for(self, proxy: str, **kw: Any) -> Any:
        """Hand the context to connections through a proxy."""
        return super().proxy_manager_for(proxy, **{**kw, **self._pool})

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        """Skip the chain of signatures if there is a fingerprint; urllib3 checks only one."""
        checked = verify and not self._fingerprint
        return super().build_connection_pool_key_attributes(request, checked, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the context has the certificates, and requests would add its own bundle."""


def requests_session(
    context: ssl.SSLContext,
    *,
    deadline: float,
    connect_limit: float,
    read_limit: float,
    transient: Collection[int],
    tries: int,
    proxy_environ: Mapping[str, str] | None,
    largest: int = LARGEST_ANSWER,
) -> Session:
    """Open an HTTP session of the package requests, with the arguments of ``DirectSession``.

    ``proxy_environ`` has the variables that name a proxy; None forbids proxies.
    """
    return Session(
        context,
        _Patience.until(deadline, transient, tries),
        _Limits(deadline, connect_limit, read_limit),
        proxy_environ,
        largest,
    )


def send(session: requests.Session, method: str, url: str, **more: Any) -> Answer:
    """Send one request and return the answer, as ``DirectSession`` does; raises RequestFailed."""
    try:
        found = session.request(method, url, **more)
    except requests.RequestException as error:
        raise _failure(error) from error
    headers = Headers({name.lower(): value for name, value in found.headers.items()})
    return Answer(found.url, found.status_code, headers, found.content)


def _failure(error: requests.RequestException) -> RequestFailed:
    url = (error.request.url if error.request is not None else "") or ""
    kind = "connection"
    if isinstance(error, requests.exceptions.SSLError):
        kind = "tls"
    elif isinstance(error, requests.exceptions.ProxyError) or any(
        type(cause).__module__ == SOCKS for cause in causes_of(error)
    ):
        kind = "proxy"
    elif any(isinstance(cause, (requests.Timeout, ReadTimeoutError)) for cause in causes_of(error)):
        kind = "timeout"
    return RequestFailed(url, kind, str(error))


def trust_only(session: requests.Session, url: str, fingerprint: str) -> None:
    """Make the HTTP session trust only the certificate with this fingerprint at ``url``.

    ``fingerprint`` is SHA-1, in hexadecimal. Raises SettingsError for anything else.
    """
    if not re.fullmatch("[0-9a-f]{40}", fingerprint):
        raise SettingsError(
            f"{_env.IDENTITY_SERVER_THUMBPRINT}: its value is not a SHA-1 thumbprint",
            hint="Service Fabric sets it; it has 40 hexadecimal digits",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    usual: Any = session.get_adapter("https://")
    session.mount(url, Adapter(context, usual.max_retries, fingerprint=fingerprint))
