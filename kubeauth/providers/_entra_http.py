"""What MSAL speaks HTTP through, and what it means when nothing comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import ReadTimeoutError

from kubeauth.errors import Unreachable

__all__ = ["HttpClient", "unreachable"]

_OUT_OF_TIME: Final = (requests.Timeout, ReadTimeoutError)
_USER_REALM: Final = "/common/userrealm/"
_DISCOVERY: Final = "/.well-known/openid-configuration"


class HttpClient:
    """What MSAL takes for its ``http_client``: our session, with discovery answered here.

    It remembers the last answer's outward signs for error messages, never its content.
    """

    def __init__(
        self,
        session: requests.Session,
        authority: str,
        *,
        discover: bool,
        forward: Callable[[str], str] | None = None,
    ) -> None:
        self._session = session
        self._forward = forward
        self._authority = urlsplit(authority)
        self._discover = discover
        self.status = 0
        self.host = ""
        self.content_type = ""

    def get(self, url: str, **kw: Any) -> Any:
        """Send a GET, unless it asks for what is known."""
        url = self._repaired(url)
        if not url.endswith(_DISCOVERY):
            return self._noted(self._session.get(url, **kw))
        found = self._noted(self._session.get(url, **kw)) if self._discover else None
        return _Endpoints(url.removesuffix(_DISCOVERY), _document(found, url))

    def _repaired(self, url: str) -> str:
        """Mend the address at which MSAL asks who checks a user's password.

        It forgets the authority's port, and writes the name as it is, where a ``#`` (guests have
        one) would cut it off.
        """
        before, marker, rest = url.partition(_USER_REALM)
        if not marker or before != f"https://{self._authority.hostname}":
            return url
        user, question, query = rest.rpartition("?")
        return f"https://{self._authority.netloc}{marker}{quote(user)}{question}{query}"

    def post(self, url: str, **kw: Any) -> Any:
        """Send a POST."""
        url = self._forward(url) if self._forward is not None else url
        return self._noted(self._session.post(url, **kw))

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _noted(self, response: requests.Response) -> requests.Response:
        self.status = response.status_code
        self.host = urlsplit(response.url).netloc
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0]
        return response


class _Endpoints:
    """The answer to discovery: what the authority's document says, else where Entra ID has it.

    ("OpenID Connect on the Microsoft identity platform" in Microsoft's documentation.)
    """

    status_code = 200
    headers: Final[dict[str, str]] = {}

    def __init__(self, base: str, document: dict[str, Any]) -> None:
        tenant = base.removesuffix("/v2.0")
        self.text = json.dumps(
            {
                "issuer": base,
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
                **document,
            }
        )

    def raise_for_status(self) -> None:
        """Do nothing: this answer is a good one."""


def _document(response: requests.Response | None, url: str) -> dict[str, Any]:
    """Give what a discovery document says; {} for what is none.

    NOTE: MSAL sends credentials wherever the document points. An endpoint at another host than the
    one that was named does not count.
    """
    if response is None or response.status_code != requests.codes.ok:
        return {}
    try:
        document = response.json()
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        name: value
        for name, value in document.items()
        if not name.endswith("_endpoint") or urlsplit(str(value))[:2] == urlsplit(url)[:2]
    }


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
