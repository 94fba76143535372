"""Client authentication: secrets, certificates and federated tokens.

Sources: RFC 6749 section 2.3, RFC 7523, "Microsoft identity platform application authentication
certificate credentials", "Workload identity federation".
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from kubeauth.testing.entra.directory import Certificate
from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.wire.jwt import BadToken, peek, verify, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeauth.testing.entra.directory import Application, Tenant
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.jwt import Signer

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW = 60.0
_LONGEST_ASSERTION = 600.0


class ClientAuthenticator:
    """Decides whether a request comes from the application that it names."""

    def __init__(self, state: EntraState) -> None:
        self._state = state

    def strength(
        self,
        segment: str,
        app: Application,
        form: Mapping[str, str],
        basic: tuple[str, str] | None,
    ) -> str:
        """Return the client's proof: "0" none, "1" a secret, "2" a key.

        Raises `EntraError` if a confidential client sends no proof or a wrong one, or if a public
        client sends one.
        """
        secret = basic[1] if basic else form.get("client_secret", "")
        assertion = form.get("client_assertion", "")
        if app.public:
            if secret or assertion:
                raise EntraError(700025)
            return "0"
        tenant = self._state.tenant(segment)
        if assertion:
            if form.get("client_assertion_type") != JWT_BEARER:
                raise EntraError(900144, name="client_assertion_type")
            self._check_assertion(tenant, app, assertion)
            return "2"
        if not secret:
            raise EntraError(7000218)
        self._check_secret(app, secret)
        return "1"

    def _check_secret(self, app: Application, secret: str) -> None:
        now = self._state.clock.now()
        for known in app.secrets:
            if hmac.compare_digest(known.value.encode(), secret.encode()):
                if known.expires_at is not None and known.expires_at <= now:
                    raise EntraError(7000222, app=app.client_id)
                return
        raise EntraError(7000215, app=app.client_id)

    def _check_assertion(self, tenant: Tenant, app: Application, assertion: str) -> None:
        try:
            header, claims = peek(assertion)
        except BadToken as error:
            raise EntraError(5002723, reason=str(error)) from error
        if claims.get("iss") == app.client_id or claims.get("sub") == app.client_id:
            self._check_certificate(tenant, app, assertion, header, claims)
        else:
            self._check_federation(app, assertion, claims)

    def _check_certificate(
        self,
        tenant: Tenant,
        app: Application,
        assertion: str,
        header: Mapping[str, Any],
        claims: Mapping[str, Any],
    ) -> None:
        if tenant.is_adfs and (header.get("alg") != "RS256" or "x5t" not in header):
            raise EntraError(700027, reason="AD FS reads RS256 with x5t only.")
        certificate = _named_certificate(app, header)
        key = certificate.certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise EntraError(700027, reason="The key is not an RSA key.")
        try:
            verify(assertion, key, ["RS256", "PS256"])
        except BadToken as error:
            raise EntraError(700027, reason=f"{error}.") from error
        if claims.get("iss") != app.client_id or claims.get("sub") != app.client_id:
            raise EntraError(700021)
        if claims.get("aud") not in self._audiences(tenant):
            raise EntraError(700023)
        self._check_time(claims)
        if claims["exp"] - self._state.clock.now() > _LONGEST_ASSERTION + _SKEW:
            raise EntraError(700024, detail="It lives longer than ten minutes.")
        if not isinstance(claims.get("jti"), str):
            raise EntraError(5002723, reason="The claim 'jti' is missing.")
        fresh = self._state.ledger.first_use(claims["jti"])
        if self._state.settings.reject_replayed_assertions and not fresh:
            raise EntraError(5002723, reason="The claim 'jti' was used before.")

    def _audiences(self, tenant: Tenant) -> set[str]:
        loopback = self._state.authority.replace("//localhost:", "//127.0.0.1:")
        return {
            f"{base}{segment}{path}"
            for base in (self._state.authority, loopback)
            for segment in (tenant.id, tenant.name)
            for path in ("/oauth2/v2.0/token", "/oauth2/token", "/v2.0")
        }

    def _check_time(self, claims: Mapping[str, Any]) -> None:
        now = self._state.clock.now()
        if not within(claims, now, _SKEW):
            exp, nbf = claims.get("exp"), claims.get("nbf")
            raise EntraError(
                700024, detail=f"Current time: {now:.0f}, expiry: {exp}, not before: {nbf}."
            )

    def _check_federation(
        self, app: Application, assertion: str, claims: Mapping[str, Any]
    ) -> None:
        iss, sub, aud = (_text(claims.get(name)) for name in ("iss", "sub", "aud"))
        _match_federation(app, iss, sub, aud)
        try:
            verify(assertion, self._signer_of(app, iss, sub).public_key, ["RS256"])
        except BadToken as error:
            raise EntraError(700027, reason=f"{error}.") from error
        self._check_time(claims)

    def _signer_of(self, app: Application, iss: str, sub: str) -> Signer:
        """Return the key of an outside issuer, or of Entra ID for a managed identity.

        The identity's tenant has to have the application ("Configure an application to trust a
        managed identity"), though the sign-in may be at another tenant.
        """
        state = self._state
        home = next(
            (t for t in state.directory.tenants if iss == f"{state.authority}{t.id}/v2.0"), None
        )
        if home is not None:
            known = any(i.object_id == sub for i in state.directory.identities)
            if known and home.application(app.client_id) is not None:
                return state.signer
            raise EntraError(700027, reason="Only a managed identity of its tenant may vouch.")
        issuer = next((known for known in state.issuers if known.url == iss), None)
        if issuer is None:
            raise EntraError(50166)
        return issuer.signer


def _named_certificate(app: Application, header: Mapping[str, Any]) -> Certificate:
    sha1 = _text(header.get("x5t")).rstrip("=")
    sha256 = _text(header.get("x5t#S256")).rstrip("=")
    if not sha1 and not sha256:
        raise EntraError(700027, reason="The header names no certificate (x5t or x5t#S256).")
    for certificate in app.certificates:
        if sha256 in ("", certificate.sha256) and sha1 in ("", certificate.sha1):
            return certificate
    raise EntraError(700027, reason="The key was not found.")


def _match_federation(app: Application, iss: str, sub: str, aud: str) -> None:
    """Raise the error for the first of issuer, subject and audience without a match."""
    same_issuer = [known for known in app.federated if known.issuer == iss]
    if not app.federated:
        raise EntraError(70021, iss=iss, sub=sub, aud=aud)
    if not same_issuer:
        raise EntraError(700211, iss=iss)
    same_subject = [known for known in same_issuer if known.subject == sub]
    if not same_subject:
        raise EntraError(700213, sub=sub)
    if all(known.audience != aud for known in same_subject):
        raise EntraError(700212, aud=aud)


def _text(value: Any) -> str:
    """Return a claim as text; a list with one member reads as that member."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""
