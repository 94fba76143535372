"""Route Entra ID's paths to its endpoints, and serve the metadata documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kubeauth.testing.entra.adfs import SEGMENT as ADFS
from kubeauth.testing.entra.adfs import AdFs
from kubeauth.testing.entra.device import DeviceFlow
from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.entra.pages import Pages
from kubeauth.testing.entra.state import OPEN_TENANTS
from kubeauth.testing.entra.token import TokenEndpoint
from kubeauth.testing.wire.http import Response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

_METADATA = ("/.well-known/openid-configuration", "/v2.0/.well-known/openid-configuration")


class Entra:
    """The service behind `authority`."""

    def __init__(self, state: EntraState) -> None:
        self._state = state
        self.device_flow = DeviceFlow(state)
        pages = Pages(state, self.device_flow)
        token = TokenEndpoint(state, self.device_flow)
        self._pages = pages
        self._adfs = AdFs(
            state,
            token=token,
            device=self.device_flow,
            authorize=pages.authorize,
            signed_in=pages.signed_in,
            keys=self._keys,
        )
        self._endpoints: dict[tuple[str, str], Callable[[Request, str], Response]] = {
            ("POST", "/oauth2/v2.0/token"): token,
            ("POST", "/oauth2/v2.0/devicecode"): self.device_flow,
            ("GET", "/oauth2/v2.0/authorize"): pages.authorize,
            ("POST", "/oauth2/v2.0/authorize"): pages.signed_in,
            ("GET", "/oauth2/v2.0/logout"): pages.logout,
            ("GET", "/discovery/v2.0/keys"): self._keys,
            ("GET", "/discovery/keys"): self._keys,
            **{("GET", path): self._metadata for path in _METADATA},
        }

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._answer(request)
        except EntraError as error:
            return error.response(self._state.clock, request, self._state.authority)

    def _answer(self, request: Request) -> Response:
        if request.path == "/devicelogin":
            return self._pages.device_login(request)
        if request.path == "/common/discovery/instance":
            return self._instance(request)
        if request.path.lower().startswith("/common/userrealm/"):
            return self._user_realm(request)
        segment, slash, rest = request.path.lstrip("/").partition("/")
        if segment.lower() == ADFS and self._state.directory.tenant(ADFS) is not None:
            return self._adfs(request)
        endpoint = self._endpoints.get((request.method, slash + rest))
        if endpoint is not None:
            return endpoint(request, segment)
        if any(path == slash + rest for _, path in self._endpoints):
            return Response(405)
        return html_response(404, "<!doctype html><title>404</title><p>Not found.")

    def _metadata(self, request: Request, segment: str) -> Response:
        """Return the OpenID Connect metadata document (OpenID Connect Discovery 1.0)."""
        is_open = segment.lower() in OPEN_TENANTS
        tenant = segment.lower() if is_open else self._state.tenant(segment).id
        base = f"{self._state.authority}{tenant}"
        second = "/v2.0/" in request.path
        issuer_tenant = "{tenantid}" if is_open else tenant
        issuer = f"https://sts.windows.net/{issuer_tenant}/"
        document: dict[str, Any] = {
            "issuer": f"{self._state.authority}{issuer_tenant}/v2.0" if second else issuer,
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": urlsplit(self._state.authority).netloc,
        }
        return json_response(200, document)

    def _keys(self, request: Request, segment: str) -> Response:
        if segment.lower() not in OPEN_TENANTS:
            self._state.tenant(segment)
        return json_response(200, self._state.signer.jwks())

    def _instance(self, request: Request) -> Response:
        """Return the aliases of this authority, for a client that checks whether it is known."""
        host = urlsplit(self._state.authority).netloc
        asked = urlsplit(request.query.get("authorization_endpoint", ""))
        segment = asked.path.lstrip("/").partition("/")[0]
        if asked.netloc != host:
            raise EntraError(9002313, reason="The authority is not known.")
        if segment.lower() not in OPEN_TENANTS:
            self._state.tenant(segment)
        return json_response(
            200,
            {
                "tenant_discovery_endpoint": f"{self._state.authority}{segment}"
                "/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [
                    {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
                ],
            },
        )

    def _user_realm(self, request: Request) -> Response:
        """Answer that Entra ID checks a person's password, not another identity provider."""
        upn = request.path.rsplit("/", 1)[1]
        domain = upn.partition("@")[2]
        known = any(tenant.user(upn) for tenant in self._state.directory.tenants)
        value: dict[str, Any] = {"ver": "1.0", "account_type": "Managed" if known else "Unknown"}
        if known:
            value |= {
                "domain_name": domain,
                "cloud_instance_name": urlsplit(self._state.authority).netloc,
                "cloud_audience_urn": "urn:federation:MicrosoftOnline",
            }
        return json_response(200, value)
