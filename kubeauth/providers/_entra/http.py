"""The HTTP client that kubeauth passes to MSAL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from kubeauth.adapters.answer import Answer
from kubeauth.adapters.http import HttpSession
from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["HttpClient"]

_OK: Final = 200

_USER_REALM: Final = "/common/userrealm/"
_DISCOVERY: Final = "/.well-known/openid-configuration"
_LIFETIMES: Final = ("expires_in", "ext_expires_in", "refresh_in")


class HttpClient:
    """MSAL's ``http_client``: kubeauth's HTTP session, which answers discovery itself.

    It remembers the last answer's host, status and content type for errors, never its content.
    """

    def __init__(
        self,
        session: HttpSession,
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
        """Send a GET, or answer it here if it is discovery of a known authority."""
        url = self._repaired(url)
        if not url.endswith(_DISCOVERY):
            return self._noted(self._session.get(url, **kw))
        found = self._noted(self._session.get(url, **kw)) if self._discover else None
        return _endpoints(url.removesuffix(_DISCOVERY), _document(found, url))

    def _repaired(self, url: str) -> str:
        """Return a correct address for MSAL's request about who checks a user's password.

        MSAL drops the authority's port and does not escape the user's name, which a ``#`` (as
        guests have) would cut off.
        """
        before, marker, rest = url.partition(_USER_REALM)
        if not marker or before != f"https://{self._authority.hostname}":
            return url
        user, question, query = rest.rpartition("?")
        return f"https://{self._authority.netloc}{marker}{quote(user)}{question}{query}"

    def post(self, url: str, **kw: Any) -> Any:
        """Send a POST."""
        url = self._forward(url) if self._forward is not None else url
        return _tidied(self._noted(self._session.post(url, **kw)))

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _noted(self, response: Answer) -> Answer:
        self.status = response.status_code
        self.host = urlsplit(response.url).netloc
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0]
        return response


class _Answer(Record):
    """An answer that kubeauth makes or changes, with the attributes that MSAL reads."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def raise_for_status(self) -> None:
        """Do nothing: the status of an OAuth error is not a failure of the request."""


def _tidied(response: Answer) -> Answer | _Answer:
    """Turn lifetimes that an authority sends as text into numbers; MSAL fails on text."""
    try:
        answer = response.json()
    except ValueError:
        return response
    texts = {
        name: int(answer[name])
        for name in (_LIFETIMES if isinstance(answer, dict) else ())
        if isinstance(answer.get(name), str) and answer[name].isdecimal()
    }
    if not texts:
        return response
    return _Answer(response.status_code, json.dumps({**answer, **texts}), response.headers)


def _endpoints(base: str, document: dict[str, Any]) -> _Answer:
    """Return the answer to discovery: from the authority's document, else as Entra ID has it.

    ("OpenID Connect on the Microsoft identity platform" in Microsoft's documentation.)
    """
    tenant = base.removesuffix("/v2.0")
    return _Answer(
        _OK,
        json.dumps(
            {
                "issuer": base,
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
                **document,
            }
        ),
    )


def _document(response: Answer | None, url: str) -> dict[str, Any]:
    """Return the endpoints in a discovery document; {} if the answer is not such a document.

    NOTE: MSAL sends credentials to these endpoints. Drop an endpoint at another host than the
    authority's.
    """
    if response is None or response.status_code != _OK:
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
