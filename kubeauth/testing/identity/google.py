"""Google's metadata server: the identity token of the machine's service account.

Source: "Verify the identity of a virtual machine" and "About VM metadata" in the documentation of
Google's Compute Engine (the headers, the refusals, the claims).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeauth.testing.entra.issuer import Issuer
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

GOOGLE_ISSUER = "https://accounts.google.com"
"""The issuer of the tokens, by which an application's federated credential trusts them."""

_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"
_FLAVOR = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}
_LIFETIME = 3600


class GoogleMetadata:
    """Issues tokens of the service account `account`, a unique id; "" for a machine without one.

    Point a program at it with `environ`.
    """

    def __init__(self, state: EntraState, url: str) -> None:
        self._state = state
        self._host = url.removeprefix("http://")
        self._issuer = Issuer("/google", GOOGLE_ISSUER, url, state.clock)
        self.account = ""

    @property
    def environ(self) -> dict[str, str]:
        """The variable that Google's own libraries read, too."""
        return {"GCE_METADATA_HOST": self._host}

    def sign_in_as(self, account: str) -> None:
        """Attach the service account with this unique id; Entra ID knows Google's keys then."""
        self.account = account
        if self._issuer not in self._state.issuers:
            self._state.issuers.append(self._issuer)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        # NOTE: both checks keep a tricked web server from fetching tokens (SSRF).
        if request.headers.get("metadata-flavor") != "Google":
            return _text(403, "Missing Metadata-Flavor:Google header.")
        if "x-forwarded-for" in request.headers or not request.target.startswith("/"):
            return _text(403, "Request had X-Forwarded-For header.")
        if request.path != _PATH or not self.account:
            return _text(404, "The requested URL was not found on this server.")
        if request.method != "GET":
            return _text(405, "The request method is inappropriate for the URL.")
        if set(request.query) - {"audience", "format", "licenses"}:
            return _text(400, "Invalid query parameters.")
        audience = request.query.get("audience", "")
        if not audience:
            return _text(400, "non-empty audience parameter required")
        token = self._issuer.mint(
            subject=self.account, audience=audience, expires_in=_LIFETIME, azp=self.account
        )
        return _text(200, token)


def _text(status: int, body: str) -> Response:
    return Response(status, body.encode(), {"Content-Type": "text/html", **_FLAVOR})
