"""Requests to Azure Resource Manager, with the tokens of one credential.

Sources: "Azure REST API reference", "Throttling Resource Manager requests", and "Claims challenges"
in Microsoft's identity platform documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from kubeauth.adapters.answer import Answer
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import unreachable
from kubeauth.credential import Credential
from kubeauth.errors import SignInRefused, Unreachable
from kubeauth.jwt import from_base64url
from kubeauth.log import Logger
from kubeauth.resource_manager.refusals import refusal
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from kubeauth.adapters.http import HttpSession

__all__ = ["ResourceManager"]

logger = Logger(__name__)

# A list that goes on longer than this is broken.
_MOST_PAGES: Final = 1000
# How a resource provider refuses a version that this cloud does not have yet.
_UNKNOWN_VERSION: Final = re.compile(r"NoRegisteredProviderFound|InvalidResourceType")
_STABLE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b(?!-preview)")
_CHALLENGE: Final = re.compile(r'claims="([^"]+)"')


class ResourceManager:
    """Azure Resource Manager at one address; many threads may use it.

    ``what`` begins the text of each error: what the request was for. Every method raises
    SignInRefused (``code`` is Resource Manager's own), Unreachable, or what signing in raises.
    """

    def __init__(
        self, address: str, credential: Credential, open_session: Callable[[], HttpSession]
    ) -> None:
        self.address = address.rstrip("/")
        self._credential = credential
        self._open_session = open_session

    @property
    def credential(self) -> Credential:
        """Whatever the tokens of the requests come from."""
        return self._credential

    def token(self) -> AccessToken:
        """Return the token that the next request is sent with."""
        return self._credential.token()

    def get(self, path: str, version: str, *, what: str) -> dict[str, Any]:
        """Return the resource at ``path``; ``version`` is the api-version."""
        return self._request("GET", path, {"api-version": version}, what)

    def post(self, path: str, version: str, *, what: str, **query: str) -> dict[str, Any]:
        """Call an action without a body, and return its answer."""
        return self._request("POST", path, {"api-version": version, **query}, what)

    def items(self, path: str, version: str, *, what: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page after page.

        NOTE: a token goes to this address only, whatever a page names as the next one.
        """
        query = {"api-version": version}
        for _ in range(_MOST_PAGES):
            page = self._request("GET", path, query, what)
            yield from (item for item in page.get("value") or () if isinstance(item, dict))
            following = page.get("nextLink")
            if not following:
                return
            parts = urlsplit(str(following))
            if f"{parts.scheme}://{parts.netloc}".lower() != _origin(self.address):
                raise self._odd(what, "the next page of the list is at another server")
            path = parts.path.removeprefix(urlsplit(self.address).path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        raise self._odd(what, "the list has no end")

    def _request(self, method: str, path: str, query: dict[str, str], what: str) -> dict[str, Any]:
        answer = self._send(method, path, query, what)
        if answer.status_code == 400 and _UNKNOWN_VERSION.search(answer.text):
            known = [each for each in _STABLE.findall(answer.text) if each != query["api-version"]]
            if known:
                logger.info("this cloud has no api-version %s", query["api-version"])
                answer = self._send(method, path, {**query, "api-version": max(known)}, what)
        if answer.status_code >= 300:
            raise refusal(answer, what)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._odd(what, "what answered is not Resource Manager")
        return found

    def _send(self, method: str, path: str, query: dict[str, str], what: str) -> Answer:
        """Send one request; if the token is rejected, send it once more with another one."""
        url = f"{self.address}{path}?{urlencode(query)}"
        token = self._first_token()
        answer = self._exchange(method, url, token, what)
        if answer.status_code != 401:
            return answer
        challenge = _CHALLENGE.search(answer.headers.get("WWW-Authenticate", ""))
        claims = _decoded(challenge[1]) if challenge else ""
        if claims:
            fresh = self._credential.for_scope("", claims=claims).token()
        else:
            fresh = self._credential.renewed(token)
        return answer if fresh.token == token.token else self._exchange(method, url, fresh, what)

    def _first_token(self) -> AccessToken:
        try:
            return self.token()
        except SignInRefused as error:
            # The server of this sign-in is not the one that --server-id names.
            if error.code == "AADSTS500011":
                error.hint = (
                    f"check --environment and --resource-manager: {self.address} is no resource "
                    "that this tenant knows"
                )
            raise

    def _exchange(self, method: str, url: str, token: AccessToken, what: str) -> Answer:
        headers = {"Authorization": f"Bearer {token.token}", "Accept": "application/json"}
        try:
            with closing(self._open_session()) as session:
                return session.request(
                    method, url, headers=headers, data=b"" if method == "POST" else None
                )
        except RequestFailed as error:
            raise unreachable(what, error, place="--resource-manager") from error

    def _odd(self, what: str, why: str) -> Unreachable:
        return Unreachable(
            f"{what}: {self.address}: {why}",
            hint="check --environment and --resource-manager, and whether a proxy or a captive "
            "portal answers in its place",
        )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _decoded(challenge: str) -> str:
    """Return a claims challenge as JSON text; "" if it cannot be read."""
    try:
        return from_base64url(challenge).decode()
    except ValueError:
        return ""
