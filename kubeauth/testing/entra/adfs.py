"""AD FS in place of Entra ID: one directory at /adfs, with addresses and errors of its own.

Sources: "AD FS OpenID Connect/OAuth flows and application scenarios" and "What's new in Active
Directory Federation Services" (Windows Server 2019: `scope` in place of `resource`, PKCE, device
code); [MS-OAPX] and [MS-OIDCE] for errors and documents. The texts after an MSIS number are shorter
than the real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.wire.http import Response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

    Endpoint = Callable[[Request, str], Response]

SEGMENT = "adfs"
"""The first segment of all its paths, and its name wherever a tenant is asked for."""

_MSIS: Mapping[int, tuple[int, str]] = {
    700016: (9223, "The received 'client_id' is invalid as no registered client was found."),
    7000215: (9622, "Client authentication failed. Verify the provided credential."),
    700027: (9622, "Client authentication failed. Verify the provided credential."),
    500011: (9602, "The received 'resource' parameter is invalid."),
    50126: (9659, "Invalid 'username' or 'password'."),
    50034: (9659, "Invalid 'username' or 'password'."),
    70000: (9615, "The refresh token or the authorization code is not valid."),
}


class AdFs:
    """Routes requests below /adfs to the endpoints of Entra ID."""

    def __init__(
        self,
        state: EntraState,
        *,
        token: Endpoint,
        device: Endpoint,
        authorize: Endpoint,
        signed_in: Endpoint,
        keys: Endpoint,
    ) -> None:
        self._state = state
        self._authorize_at_entra = authorize
        self._endpoints: Mapping[tuple[str, str], Endpoint] = {
            ("POST", "/oauth2/token"): token,
            ("POST", "/oauth2/devicecode"): device,
            ("GET", "/oauth2/authorize"): self._authorize,
            ("POST", "/oauth2/authorize"): signed_in,
            ("GET", "/discovery/keys"): keys,
            ("GET", "/.well-known/openid-configuration"): self._metadata,
        }

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        _, slash, rest = request.path.lstrip("/").partition("/")
        endpoint = self._endpoints.get((request.method, slash + rest))
        if endpoint is None:
            return html_response(404, "<!doctype html><title>404</title><p>Not found.")
        try:
            return endpoint(request, SEGMENT)
        except EntraError as error:
            return _refusal(error)

    def _authorize(self, request: Request, segment: str) -> Response:
        if request.query.get("prompt", "login") not in ("login", "none"):
            return html_response(400, "<!doctype html><title>Error</title><p>MSIS9609: prompt.")
        return self._authorize_at_entra(request, segment)

    def _metadata(self, request: Request, segment: str) -> Response:
        base = f"{self._state.authority}{SEGMENT}"
        document: dict[str, Any] = {
            "issuer": base,
            "access_token_issuer": f"{base}/services/trust".replace("https:", "http:"),
            "authorization_endpoint": f"{base}/oauth2/authorize",
            "token_endpoint": f"{base}/oauth2/token",
            "device_authorization_endpoint": f"{base}/oauth2/devicecode",
            "jwks_uri": f"{base}/discovery/keys",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "client_secret_basic",
                "private_key_jwt",
            ],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return json_response(200, document)


def _refusal(error: EntraError) -> Response:
    """Return an error in AD FS's form: OAuth's error for pending codes, else an MSIS number.

    Leave out the other parts of Entra ID's error: codes and correlation id.
    """
    number, text = _MSIS.get(error.code, (9605, "The request is not valid."))
    fields = {"error": error.error, "error_description": f"MSIS{number}: {text}"}
    return json_response(error.status, fields)
