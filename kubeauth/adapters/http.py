"""The HTTP session of every provider: time limits, bounded retries, whose certificates count.

This is what MSAL is handed as its ``http_client``, since MSAL itself sets no time limit, retries
nothing and trusts another set of certificates than every other program on the machine.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

import requests
import truststore
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InvalidHeader, MaxRetryError, SSLError
from urllib3.util.retry import Retry
from urllib3.util.ssl_match_hostname import CertificateError
from urllib3.util.timeout import Timeout

from kubeauth import _env
from kubeauth.adapters.proxies import find_proxies
from kubeauth.errors import SettingsError

__all__ = ["Adapter", "open_session", "trust_only"]

CONNECT_LIMIT: Final = 10.0
READ_LIMIT: Final = 30.0
logger = logging.getLogger(__name__)

# A sign-in without a person ends within this time unless told otherwise, as in Azure/kubelogin; one
# that asks IMDS gets the 70 s that an update of that service may take, and some.
SIGN_IN_LIMIT: Final = 60.0
IMDS_LIMIT: Final = 90.0
# What is on this machine answers the connection at once or is not there.
MACHINE_CONNECT_LIMIT: Final = 2.0
# What a try gets at least, in seconds: urllib3 takes nothing for no limit.
_SHORTEST: Final = 0.001
# … and how much longer than that is waited for it to end by itself, with a better reason.
_GRACE: Final = 0.25
# A server that asks for a longer pause than this is reported instead of waited for.
LONGEST_PAUSE: Final = 30.0
# Too many requests, and a server in trouble.
TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
# "How to use managed identities … Error handling" in Microsoft's documentation: 404 and 410 mean
# that the service is being updated, 410 for up to 70 s.
IMDS_TRANSIENT: Final = frozenset({404, 410, 429, *range(500, 600)})


class _Limits(Timeout):
    """The limits of each try, which end with the sign-in's own.

    ``connect`` is for the connection and ``read`` for each wait for an answer, in seconds;
    ``deadline`` is on the clock of time.monotonic().
    """

    def __init__(self, deadline: float, connect: float, read: float) -> None:
        super().__init__(connect=connect, read=read)
        self.deadline = deadline
        self._both = connect, read

    @property
    def left(self) -> float:
        """How many seconds the sign-in has left."""
        return max(self.deadline - time.monotonic(), _SHORTEST)

    def clone(self) -> Timeout:
        """Give the limits of one more try, which urllib3 asks for each time."""
        connect, read = (min(limit, self.left) for limit in self._both)
        return Timeout(connect=connect, read=read)


class _Patience(Retry):
    """Which answers are worth another try, how many tries, and until when.

    ``deadline`` is on the clock of time.monotonic(). Every request that is made here may be sent
    again: Entra ID answers a repeated one as it did the first.
    """

    deadline: float

    @classmethod
    def until(cls, deadline: float, statuses: Collection[int], tries: int) -> _Patience:
        """Give a policy that ends at ``deadline``, pausing 0, 1, 2, 4 … s."""
        policy = cls(
            total=tries,
            connect=2,
            read=2,
            redirect=False,
            status=tries,
            # A connection that is lost in a proxy's tunnel counts as this.
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
        """Copy, keeping the deadline."""
        copy = super().new(**kw)
        copy.deadline = self.deadline
        return copy

    def get_retry_after(self, response: Any) -> float | None:
        """Give the pause that a server wishes for, None for one that cannot be read."""
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
        """Count one failed try; raises MaxRetryError where the next one would be in vain."""
        # A proxy that says no says it again, and may count how often a password was wrong.
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
    """A requests session with our certificates, our proxy rule and a limit on all of it.

    ``proxy_environ`` has the variables that name a proxy, None where no proxy is to be used.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        patience: _Patience,
        limits: _Limits,
        proxy_environ: Mapping[str, str] | None,
    ) -> None:
        super().__init__()
        # NOTE: no ~/.netrc (it would add a password to token requests) and no CA variables behind
        # the context's back; the proxy variables are read below.
        self.trust_env = False
        self._proxy_environ = proxy_environ
        self._limits = limits
        self.mount("https://", Adapter(context, patience))
        self.mount("http://", Adapter(context, patience))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kw: Any) -> Any:
        """Send one request; never follows a redirect, which could carry a secret elsewhere.

        Ends when the sign-in has to, whatever holds it up: limits on each connection and each wait
        add up for a host with many addresses, and for an answer that comes byte by byte.
        """
        kw |= {"timeout": self._limits, "allow_redirects": False}
        ended: queue.SimpleQueue[requests.Response | BaseException] = queue.SimpleQueue()

        def send() -> None:
            try:
                ended.put(super(Session, self).request(method, url, *args, **kw))
            except BaseException as error:
                ended.put(error)

        threading.Thread(target=send, daemon=True).start()
        try:
            found = ended.get(timeout=self._limits.left + _GRACE)
        except queue.Empty:
            raise requests.ReadTimeout(request=requests.Request(str(method), str(url))) from None
        if isinstance(found, BaseException):
            raise found
        # Only where it went: what stands after the question mark is nobody's business.
        address = found.url.partition("?")[0]
        logger.debug("%s %s: HTTP %d", found.request.method, address, found.status_code)
        return found

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Take the proxy from the variables that were handed in."""
        chosen = {} if self._proxy_environ is None else find_proxies(url, self._proxy_environ)
        return {"proxies": chosen, "stream": stream, "verify": True, "cert": cert}


class Adapter(HTTPAdapter):
    """Connections that trust what the given TLS context trusts, and nothing else.

    With ``server_name`` the server goes by that name instead of its address. With ``fingerprint``
    (SHA-1, in hexadecimal) it is known by its certificate alone, whoever signed that; the context
    is then one that checks nothing.
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
        """Let a fingerprint stand for the chain of signatures; urllib3 checks just one of them."""
        checked = verify and not self._fingerprint
        return super().build_connection_pool_key_attributes(request, checked, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the certificates to the context; requests would add its own bundle."""


def open_session(
    *,
    environ: Mapping[str, str],
    ca_file: str = "",
    limit: float | None = None,
    connect_limit: float | None = None,
    read_limit: float | None = None,
    machine: bool = False,
    imds: bool = False,
) -> Session:
    """Open a session for one sign-in.

    ``ca_file`` is a PEM file to trust instead of the system's certificates; without it the
    variables REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE are asked, then the operating
    system.
    ``environ`` names the proxy, too (HTTPS_PROXY, NO_PROXY and the like, in upper or lower case).
    ``limit`` bounds the sign-in, ``connect_limit`` each connection and ``read_limit`` each wait
    for an answer, in seconds. ``machine`` says that the endpoint is this machine's own, which no
    proxy leads to; ``imds`` that it is the instance metadata service, with the retries that its
    documentation asks for. Raises SettingsError for certificates that cannot be read.
    """
    seconds = limit or (IMDS_LIMIT if imds else SIGN_IN_LIMIT)
    deadline = time.monotonic() + seconds
    if imds:
        patience = _Patience.until(deadline, IMDS_TRANSIENT, tries=7)
    else:
        patience = _Patience.until(deadline, TRANSIENT, tries=3)
    usual = MACHINE_CONNECT_LIMIT if machine else CONNECT_LIMIT
    limits = _Limits(deadline, connect_limit or usual, read_limit or READ_LIMIT)
    context = _tls_context(ca_file, environ)
    return Session(context, patience, limits, None if machine else environ)


def trust_only(session: requests.Session, url: str, fingerprint: str) -> None:
    """Have the session know the server at ``url`` by its certificate's fingerprint, and only so.

    ``fingerprint`` is SHA-1, in hexadecimal. Raises SettingsError if it cannot be one.
    """
    if not re.fullmatch("[0-9a-f]{40}", fingerprint):
        raise SettingsError(
            f"{_env.IDENTITY_SERVER_THUMBPRINT}: this is no SHA-1 thumbprint",
            hint="Service Fabric sets it; it has 40 hexadecimal digits",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    usual: Any = session.get_adapter("https://")
    session.mount(url, Adapter(context, usual.max_retries, fingerprint=fingerprint))


def _tls_context(ca_file: str, environ: Mapping[str, str]) -> ssl.SSLContext:
    candidates = [
        ("--ca-file", ca_file),
        *((name, environ.get(name, "")) for name in _env.CA_FILES),
    ]
    source, path = next(((s, p) for s, p in candidates if p), ("", ""))
    if not path:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"{source}: cannot read certificates from {path} ({error.strerror or error})",
            hint=f"point {source} to a file of CA certificates in PEM form",
        ) from error
    return context
