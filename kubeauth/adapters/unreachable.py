"""What it means when nothing comes back over the network."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ReadTimeoutError

from kubeauth.errors import Unreachable

__all__ = ["CA_PLACES", "unreachable"]

# Where the certificates of most connections can be named.
CA_PLACES: Final = "--ca-file or SSL_CERT_FILE"
# The codes of OpenSSL (X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH, …_CERT_HAS_EXPIRED), of
# Windows (CERT_E_CN_NO_MATCH, CERT_E_EXPIRED) and of macOS (errSecHostNameMismatch,
# errSecCertificateExpired), as truststore hands them on.
_OTHER_NAME: Final = frozenset({62, 64, -2146762481, -67602})
_EXPIRED: Final = frozenset({10, -2146762495, -67818})
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3}[ \w-]{0,60})")
_OUT_OF_TIME: Final = (requests.Timeout, ReadTimeoutError)


def unreachable(what: str, error: requests.RequestException, trust: str = CA_PLACES) -> Unreachable:
    """Make the error for a request that got no answer.

    ``trust`` names where this connection's CA certificates can be given.
    """
    host = urlsplit((error.request.url if error.request is not None else "") or "").netloc
    at = f"{what}: {host or 'the server'}"
    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.SSLError):
        return _untrusted(at, causes, trust)
    if isinstance(error, requests.exceptions.ProxyError):
        return _through_proxy(at, causes)
    if any(isinstance(cause, _OUT_OF_TIME) for cause in causes):
        return Unreachable(
            f"{at} gave no answer in time", hint="check the network; --timeout sets the limit"
        )
    return Unreachable(
        f"{at} cannot be reached ({_system_reason(causes)})",
        hint="check the network, the proxy (HTTPS_PROXY) and --authority-host",
    )


def _untrusted(at: str, causes: Sequence[BaseException], trust: str) -> Unreachable:
    """Say which of the reasons it is that TLS was not spoken."""
    found = next((each for each in causes if isinstance(each, ssl.SSLError)), None)
    code = getattr(found, "verify_code", 0)
    if code in _OTHER_NAME:
        return Unreachable(
            f"{at} shows a certificate for another name",
            hint="check the host's name, and whether a proxy or a captive portal answers for it",
        )
    if code in _EXPIRED:
        return Unreachable(
            f"{at} shows a certificate that has expired",
            hint="check this machine's clock; else its owner has to renew it",
        )
    reason = getattr(found, "reason", None) or ""
    if found is not None and not code and reason != "CERTIFICATE_VERIFY_FAILED":
        return Unreachable(
            f"{at} does not speak TLS as it should ({reason.lower() or 'no reason given'})",
            hint="check the host and the port, and whether a proxy stands in between",
        )
    return Unreachable(
        f"{at} has a certificate that is not trusted here",
        hint=f"name your organisation's CA certificates with {trust}",
    )


def _through_proxy(at: str, causes: Sequence[BaseException]) -> Unreachable:
    refused = next((m for each in causes if (m := _TUNNEL.search(str(each)))), None)
    hint = "check the network, HTTPS_PROXY and NO_PROXY"
    if refused is not None and refused[1].startswith("407"):
        hint = "give user and password in HTTPS_PROXY, as http://USER:PASSWORD@HOST:PORT"
    reason = refused[1] if refused is not None else _system_reason(causes)
    return Unreachable(f"{at} cannot be reached through the proxy ({reason})", hint=hint)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it wraps, outermost first."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        reason = getattr(inner, "reason", None)
        wrapped = [reason, *inner.args, inner.__cause__, inner.__context__]
        inner = next((each for each in wrapped if isinstance(each, BaseException)), None)


def _system_reason(causes: Sequence[BaseException]) -> str:
    """Give the operating system's word for why a connection failed."""
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return reasons[-1] if reasons else type(causes[-1]).__name__
