"""The HTTP client that kubeauth passes to MSAL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote, urlsplit

from kubeauth.adapters.answer import Answer
from kubeauth.adapters.http import HttpSession
from kubeauth.record import Record, field
from kubeauth.sanitize import masked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["HttpClient", "unquoting"]

_OK: Final = 200
_SERVER_ERROR: Final = 500

_USER_REALM: Final = "/common/userrealm/"
_DISCOVERY: Final = "/.well-known/openid-configuration"
# The secrets of a sign-in, in its requests (RFC 6749, 7521, 7636, 8628) and in their answers.
_SENT: Final = (
    *("client_secret", "client_assertion", "assertion", "password"),
    *("refresh_token", "device_code", "code", "code_verifier"),
)
_RECEIVED: Final = ("access_token", "refresh_token", "id_token", "device_code")
_LIFETIMES: Final = ("expires_in", "ext_expires_in", "refresh_in")


class HttpClient:
    """MSAL's ``http_client``: kubeauth's HTTP session, which answers discovery itself.

    It remembers the last answer's host, status and content type for errors, never its content; and
    in ``secrets`` every secret that it has sent or received, so that no error shows one.
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
        self.secrets: set[str] = set()

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
        self._learn(kw.get("data"), _SENT)
        return self._tidied(self._noted(self._session.post(url, **kw)))

    def _learn(self, fields: Any, names: Sequence[str]) -> None:
        for name in names if isinstance(fields, dict) else ():
            value = fields.get(name)
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            if isinstance(text, str) and text:
                self.secrets.add(text)

    def _tidied(self, response: Answer) -> Answer | _Answer:
        """Return an answer without the parts that MSAL would fail on, or log.

        MSAL fails on lifetimes that are text. NOTE: it logs the whole of an answer that is not
        JSON, and the description of a refusal, which may quote a secret.
        """
        if response.status_code >= _SERVER_ERROR:
            return response  # MSAL does not read it
        try:
            answer = response.json()
        except ValueError:
            return _Answer(response.status_code, "", response.headers)
        if not isinstance(answer, dict):
            return response
        self._learn(answer, _RECEIVED)
        if "error" in answer:
            answer = {name: unquoting(value, self.secrets) for name, value in answer.items()}
            return _Answer(response.status_code, json.dumps(answer), response.headers)
        texts = {
            name: int(answer[name])
            for name in _LIFETIMES
            if isinstance(answer.get(name), str) and answer[name].isdecimal()
        }
        if not texts:
            return response
        return _Answer(response.status_code, json.dumps({**answer, **texts}), response.headers)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _noted(self, response: Answer) -> Answer:
        self.status = response.status_code
        self.host = urlsplit(response.url).netloc.rpartition("@")[2]
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0]
        return response


class _Answer(Record):
    """An answer that kubeauth makes or changes, with the attributes that MSAL reads."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def raise_for_status(self) -> None:
        """Do nothing: the status of an OAuth error is not a failure of the request."""


def unquoting(value: Any, secrets: set[str]) -> Any:
    """Return a field of a refusal without secrets; {} in place of an unknown structure."""
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, list):
        return [each for each in value if isinstance(each, int)]
    return value if value is None or isinstance(value, (int, float)) else {}


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
