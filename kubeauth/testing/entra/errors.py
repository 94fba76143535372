"""AADSTS errors, and the answers in which Entra ID sends them.

Codes and texts: "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from kubeauth.testing.wire.http import json_response

if TYPE_CHECKING:
    from kubeauth.testing.wire.clock import Clock
    from kubeauth.testing.wire.http import Request, Response

_CLIENT = ("invalid_client", 401)
_GRANT = ("invalid_grant", 400)
_REQUEST = ("invalid_request", 400)
_NO_FEDERATION = (
    "Check your federated identity credential Subject, Audience and Issuer against the presented "
    "assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)
_POLICY = (50076, 50079, 50097, 50158, 53000, 53001, 53003)

_CATALOG: dict[int, tuple[tuple[str, int], str]] = {
    50011: (
        _REQUEST,
        "The redirect URI '{uri}' specified in the request does not match the redirect URIs "
        "configured for the application '{app}'.",
    ),
    50020: (_GRANT, "User account '{user}' does not exist in tenant '{tenant}'."),
    50034: (
        _GRANT,
        "The user account {user} does not exist in the {tenant} directory. To sign into this "
        "application, the account must be added to the directory.",
    ),
    50058: (
        ("login_required", 400),
        "A silent sign-in request was sent but no user is signed in.",
    ),
    50059: (
        _REQUEST,
        "No tenant-identifying information found in either the request or implied by any provided "
        "credentials.",
    ),
    50076: (
        _GRANT,
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must use multi-factor authentication to access '{resource}'.",
    ),
    50079: (
        _GRANT,
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must enroll in multi-factor authentication to access '{resource}'.",
    ),
    50097: (_GRANT, "Device authentication is required."),
    50126: (_GRANT, "Error validating credentials due to invalid username or password."),
    50158: (_GRANT, "External security challenge was not satisfied."),
    50166: (_CLIENT, "Request to External OIDC endpoint failed."),
    50173: (
        _GRANT,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. "
        "The user might have changed or reset their password.",
    ),
    53000: (_GRANT, "Device is not in required device state: compliant."),
    53001: (_GRANT, "Device is not in required device state: domain_joined."),
    53003: (
        _GRANT,
        "Access has been blocked by Conditional Access policies. The access policy does not allow "
        "token issuance.",
    ),
    54005: (
        _GRANT,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or "
        "use an existing refresh token.",
    ),
    65001: (
        _GRANT,
        "The user or administrator has not consented to use the application with ID '{app}'. Send "
        "an interactive authorization request for this user and resource.",
    ),
    65004: (("authorization_declined", 400), "User declined to consent to access the app."),
    70000: (_GRANT, "Provided grant is invalid or malformed."),
    70003: (
        ("unsupported_grant_type", 400),
        "The app requested an unsupported grant type '{grant}'.",
    ),
    70008: (
        _GRANT,
        "The provided authorization code or refresh token has expired due to inactivity. Send a "
        "new interactive authorization request for this user and resource.",
    ),
    70011: (
        ("invalid_scope", 400),
        "The provided request must include a 'scope' input parameter. The provided value for the "
        "input parameter 'scope' is not valid. The scope '{scope}' is not valid.",
    ),
    70016: (
        ("authorization_pending", 400),
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: (
        ("bad_verification_code", 400),
        "Invalid verification code due to User typing in wrong user code for device code flow.",
    ),
    70020: (
        ("expired_token", 400),
        "The provided value for the input parameter 'device_code' is not valid. This device code "
        "has expired.",
    ),
    70021: (
        _CLIENT,
        "No matching federated identity record found for presented assertion. Assertion Issuer: "
        "'{iss}'. Assertion Subject: '{sub}'. Assertion Audience: '{aud}'. " + _NO_FEDERATION,
    ),
    70043: (
        _GRANT,
        "The refresh token has expired or is invalid due to sign-in frequency checks by "
        "conditional access.",
    ),
    90002: (
        _REQUEST,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are "
        "signing into the correct cloud. Check with your subscription administrator, this may "
        "happen if there are no active subscriptions for the tenant.",
    ),
    90014: (_REQUEST, "The required field '{name}' is missing from the credential."),
    90033: (
        ("temporarily_unavailable", 503),
        "A transient error has occurred. Please try again.",
    ),
    500011: (
        ("invalid_resource", 400),
        "The resource principal named {resource} was not found in the tenant named {tenant}. This "
        "can happen if the application has not been installed by the administrator of the tenant "
        "or consented to by any user in the tenant.",
    ),
    500112: (
        _GRANT,
        "The reply address '{uri}' does not match the reply address '{first}' provided when "
        "requesting Authorization code.",
    ),
    501481: (
        _GRANT,
        "The Code_Verifier does not match the code_challenge supplied in the authorization "
        "request.",
    ),
    700016: (
        ("unauthorized_client", 400),
        "Application with identifier '{app}' was not found in the directory '{tenant}'. This can "
        "happen if the application has not been installed by the administrator of the tenant.",
    ),
    700021: (
        _CLIENT,
        "Client assertion application identifier doesn't match 'client_id' parameter. Review the "
        "documentation at https://learn.microsoft.com/entra/identity-platform/"
        "certificate-credentials.",
    ),
    700023: (_CLIENT, "Client assertion audience claim does not match Realm issuer."),
    700024: (_CLIENT, "Client assertion is not within its valid time range. {detail}"),
    700025: (
        _CLIENT,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    700027: (
        _CLIENT,
        "The certificate with identifier used to sign the client assertion is not registered on "
        "application, or the signature is invalid. [Reason - {reason}]",
    ),
    700082: (_GRANT, "The refresh token has expired due to inactivity."),
    700084: (_GRANT, "The refresh token was issued to a single page app (SPA)."),
    700211: (
        _CLIENT,
        "No matching federated identity record found for presented assertion issuer '{iss}'. "
        + _NO_FEDERATION,
    ),
    700212: (
        _CLIENT,
        "No matching federated identity record found for presented assertion audience '{aud}'. "
        + _NO_FEDERATION,
    ),
    700213: (
        _CLIENT,
        "No matching federated identity record found for presented assertion subject '{sub}'. "
        + _NO_FEDERATION,
    ),
    900144: (_REQUEST, "The request body must contain the following parameter: '{name}'."),
    1002012: (
        ("invalid_scope", 400),
        "The provided value for scope {scope} is not valid. Client credential flows must have a "
        "scope value with /.default suffixed to the resource identifier (application ID URI).",
    ),
    5002723: (_CLIENT, "Invalid JWT token. {reason}"),
    7000215: (
        _CLIENT,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        "secret value, not the client secret ID, for a secret added to app '{app}'.",
    ),
    7000218: (
        _CLIENT,
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'.",
    ),
    7000222: (
        _CLIENT,
        "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to "
        "create new keys for your app.",
    ),
    9000411: (
        _REQUEST,
        "The request is not properly formatted. The parameter '{name}' is duplicated.",
    ),
    9002325: (
        _REQUEST,
        "Proof Key for Code Exchange is required for authorization code redemption.",
    ),
    9002313: (_REQUEST, "Invalid request. Request is malformed or invalid. {reason}"),
}


class EntraError(Exception):
    """An answer of Entra ID that is an error. `claims` is the challenge a client should send."""

    def __init__(
        self,
        code: int,
        *,
        error: str = "",
        status: int = 0,
        claims: str = "",
        **values: str,
    ) -> None:
        (usual_error, usual_status), text = _CATALOG.get(code, (_GRANT, "The request failed."))
        self.code = code
        self.error = error or usual_error
        self.status = status or usual_status
        self.text = f"AADSTS{code}: {text.format_map(_Values(values))}"
        self.suberror = "basic_action" if code in (50076, 50079) else ""
        self.claims = claims
        if code in _POLICY:
            self.suberror = self.suberror or "message_only"
            self.claims = claims or policy_claims()
        super().__init__(self.text)

    def value(self, clock: Clock, request: Request, authority: str) -> dict[str, Any]:
        """Return the members of the JSON answer."""
        trace, correlation = str(uuid.uuid4()), request.headers.get("client-request-id", "")
        correlation = correlation or str(uuid.uuid4())
        stamp = clock.stamp()
        text = f"{self.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        value: dict[str, Any] = {
            "error": self.error,
            "error_description": text,
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{authority}error?code={self.code}",
        }
        if self.suberror:
            value["suberror"] = self.suberror
        if self.claims:
            value["claims"] = self.claims
        return value

    def response(self, clock: Clock, request: Request, authority: str) -> Response:
        """Return the HTTP answer."""
        return json_response(self.status, self.value(clock, request, authority))


class _Values(dict[str, str]):
    """Values to fill into a text; an unknown one yields its own name."""

    def __missing__(self, key: str) -> str:
        return key


def policy_claims() -> str:
    """Return the challenge that names the policies which a sign-in must satisfy."""
    policy = {"essential": True, "values": [str(uuid.uuid4())]}
    return json.dumps({"access_token": {"capolids": policy}}, separators=(",", ":"))
