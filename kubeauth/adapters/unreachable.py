"""Explain a request without a usable answer: the error, and the hint for its cause."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.adapters.request_failed import SOCKS, RequestFailed, causes_of
from kubeauth.errors import Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["CA_PLACES", "ca_places", "unreachable"]

# The places that name the CA certificates of most connections.
CA_PLACES: Final = "--ca-file or SSL_CERT_FILE"
# The codes of OpenSSL (X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH, …_CERT_HAS_EXPIRED), of
# Windows (CERT_E_CN_NO_MATCH, CERT_E_EXPIRED) and of macOS (errSecHostNameMismatch,
# errSecCertificateExpired), as truststore hands them on.
_OTHER_NAME: Final = frozenset({62, 64, -2146762481, -67602})
_EXPIRED: Final = frozenset({10, -2146762495, -67818})
# X509_V_ERR_CERT_NOT_YET_VALID, errSecCertificateNotValidYet; Windows says CERT_E_EXPIRED.
_NOT_YET: Final = frozenset({9, -67819})
# RFC 3986 2.1; a domain's backslash would end the host's name.
_IN_A_PROXY: Final = "in its user and password write %5C for a backslash and %40 for @"
_TUNNEL: Final = r"Tunnel connection failed: (\d{3}[ \w-]{0,60})"


def ca_places(environ: Mapping[str, str]) -> str:
    """Return the settings for CA certificates that count here; see ``tls_context``."""
    chosen = next((name for name in _env.CA_FILES if environ.get(name)), "")
    if chosen in ("", _env.CA_FILES[-1]):
        return CA_PLACES
    return f"--ca-file, or in the file of {chosen}, which is set here and wins over SSL_CERT_FILE"


def unreachable(
    what: str, error: RequestFailed, trust: str = CA_PLACES, *, place: str = "--authority-host"
) -> Unreachable:
    """Make the error for a request that got no usable answer.

    ``what`` begins the error's text. ``trust`` names the settings that choose this connection's CA
    certificates, ``place`` the flag that sets the server's address.
    """
    at = f"{what}: {urlsplit(error.url).netloc.rpartition('@')[2] or 'the server'}"
    causes = list(causes_of(error))
    if error.kind == "tls":
        return _untrusted(at, causes, trust)
    if error.kind == "proxy":
        return _through_proxy(at, causes)
    if error.kind == "timeout":
        return Unreachable(
            f"{at} gave no answer in time", hint="check the network; --timeout sets the limit"
        )
    if error.kind == "answer":
        return Unreachable(
            f"{at}: {error}",
            hint=f"check {place}, and whether a proxy stands in between",
        )
    return Unreachable(
        f"{at} cannot be reached ({_system_reason(causes)})",
        hint=f"check the network, the proxy (HTTPS_PROXY) and {place}",
    )


def _untrusted(at: str, causes: Sequence[BaseException], trust: str) -> Unreachable:
    """Make the error for a failed TLS handshake, by its reason."""
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
    if code in _NOT_YET:
        return Unreachable(
            f"{at} shows a certificate that is not valid yet",
            hint="check this machine's clock, which seems to be slow",
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
    refused = next((m for each in causes if (m := re.search(_TUNNEL, str(each)))), None)
    socks = next((each for each in reversed(causes) if type(each).__module__ == SOCKS), None)
    hint = f"check the network, HTTPS_PROXY, ALL_PROXY and NO_PROXY; {_IN_A_PROXY}"
    asks = refused is not None and refused[1].startswith("407")
    if asks or type(socks).__name__ == "SOCKS5AuthError":
        scheme = "http" if socks is None else "socks5"
        hint = (
            "give user and password in the proxy's variable, as "
            f"{scheme}://USER:PASSWORD@HOST:PORT; {_IN_A_PROXY}"
        )
    reason = refused[1] if refused is not None else _system_reason(causes)
    if socks is not None and socks is causes[-1]:
        # Its texts begin with the number of the reply (RFC 1928 6), such as "0x04: ".
        reason = re.sub("^0x[0-9a-f]{2}: ", "", str(socks)).lower()
    return Unreachable(f"{at} cannot be reached through the proxy ({reason})", hint=hint)


def _system_reason(causes: Sequence[BaseException]) -> str:
    """Return the operating system's reason for a failed connection, or our own."""
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    if reasons:
        return reasons[-1]
    return str(causes[-1]) if isinstance(causes[-1], RequestFailed) else type(causes[-1]).__name__
