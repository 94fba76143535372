"""What it means when nothing comes back over the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ReadTimeoutError

from kubeauth.errors import Unreachable

__all__ = ["unreachable"]

_OUT_OF_TIME: Final = (requests.Timeout, ReadTimeoutError)


def unreachable(what: str, error: requests.RequestException) -> Unreachable:
    """Make the error for a request that got no answer."""
    host = urlsplit((error.request.url if error.request is not None else "") or "").netloc
    at = f"{what}: {host or 'the server'}"
    if isinstance(error, requests.exceptions.SSLError):
        return Unreachable(
            f"{at} has a certificate that is not trusted here",
            hint="name your organisation's CA certificates with --ca-file or SSL_CERT_FILE",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return Unreachable(
            f"{at} cannot be reached through the proxy", hint="check HTTPS_PROXY and NO_PROXY"
        )
    causes = list(_causes(error))
    if any(isinstance(cause, _OUT_OF_TIME) for cause in causes):
        return Unreachable(
            f"{at} gave no answer in time", hint="check the network; --timeout sets the limit"
        )
    return Unreachable(
        f"{at} cannot be reached ({_system_reason(causes)})",
        hint="check the network, the proxy (HTTPS_PROXY) and --authority-host",
    )


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
