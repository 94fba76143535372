"""What MSAL speaks HTTP through."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests

__all__ = ["HttpClient"]

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
