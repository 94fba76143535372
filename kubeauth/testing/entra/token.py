"""The token endpoint: one function per grant type.

Sources: RFC 6749, RFC 7636, RFC 8628; "Microsoft identity platform and the OAuth 2.0 client
credentials flow", "… device authorization grant flow", "… authorization code flow".
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from kubeauth.testing.entra.clients import ClientAuthenticator
from kubeauth.testing.entra.device import DeviceFlow
from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.entra.mint import RESERVED_SCOPES, Mint, Scope, confirmation, parse_scope
from kubeauth.testing.entra.state import OPEN_TENANTS
from kubeauth.testing.wire.http import DuplicateParameter, json_response
from kubeauth.testing.wire.jwt import b64url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubeauth.testing.entra.directory import Application, Tenant, User
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request, Response

_Answer = dict[str, Any]


class TokenEndpoint:
    """POST /{tenant}/oauth2/v2.0/token."""

    def __init__(self, state: EntraState, device_flow: DeviceFlow) -> None:
        self._state = state
        self._clients = ClientAuthenticator(state)
        self._device_flow = device_flow
        self._mint = Mint(state)
        self._grants: dict[str, Callable[[str, Application, Mapping[str, str]], _Answer]] = {
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
            "password": self._password,
            "urn:ietf:params:oauth:grant-type:device_code": self._device_code,
            "device_code": self._device_code,
        }

    def __call__(self, request: Request, segment: str) -> Response:
        """Return tokens; raises `EntraError`."""
        try:
            form = request.form()
        except DuplicateParameter as error:
            raise EntraError(9000411, name=str(error)) from error
        basic = request.basic()
        grant = form.get("grant_type", "")
        if segment.lower() not in OPEN_TENANTS:
            self._state.tenant(segment)
        if not grant:
            raise EntraError(900144, name="grant_type")
        client_id = basic[0] if basic else form.get("client_id", "")
        if not client_id:
            raise EntraError(900144, name="client_id")
        if grant != "client_credentials" and grant not in self._grants:
            raise EntraError(70003, grant=grant)
        app = self._state.application(segment, client_id)
        strength = self._clients.strength(segment, app, form, basic)
        if grant == "client_credentials":
            return json_response(200, self._client_credentials(segment, app, form, strength))
        return json_response(200, self._grants[grant](segment, app, form))

    def _client_credentials(
        self, segment: str, app: Application, form: Mapping[str, str], strength: str
    ) -> _Answer:
        if strength == "0":
            raise EntraError(7000218)
        tenant = self._state.tenant(segment)
        text = form.get("scope", "")
        if not text:
            raise EntraError(900144, name="scope")
        # MSAL for Go, and so Azure/kubelogin, also sends the scopes of OpenID Connect.
        asked = [word for word in text.split() if word not in RESERVED_SCOPES]
        if len(asked) != 1 or not asked[0].endswith("/.default"):
            raise EntraError(1002012, scope=text)
        scope = parse_scope(text)
        self._state.check_resource(tenant, scope.resource)
        self._state.fail_if_scripted(app.object_id, app.client_id)
        return self._mint.for_application(
            tenant,
            app,
            scope.resource,
            strength=strength,
            cnf=confirmation(form),
            groups=app.groups,
        )

    def _password(self, segment: str, app: Application, form: Mapping[str, str]) -> _Answer:
        for name in ("username", "password"):
            if not form.get(name):
                raise EntraError(90014, name=name)
        scope = _scope(form)
        tenant, user = self._state.home(segment, form["username"])
        check_password(user, form["password"])
        return self._for_user(tenant, app, user, scope, form)

    def _device_code(self, segment: str, app: Application, form: Mapping[str, str]) -> _Answer:
        sign_in = self._device_flow.redeem(app, form.get("device_code", ""))
        if sign_in.user is None:
            raise EntraError(70000)
        tenant = self._state.tenant(sign_in.user.tenant_id)
        if segment.lower() not in (*OPEN_TENANTS, tenant.id, tenant.name.lower()):
            raise EntraError(50020, user=sign_in.user.upn, tenant=segment)
        if tenant.block_device_code:
            raise EntraError(53003)
        return self._for_user(tenant, app, sign_in.user, parse_scope(sign_in.scope), form)

    def _authorization_code(
        self, segment: str, app: Application, form: Mapping[str, str]
    ) -> _Answer:
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise EntraError(900144, name=name)
        with self._state.lock:
            known = self._state.codes.get(form["code"])
            if known is None or known.client_id.lower() != app.client_id.lower():
                raise EntraError(70000)
            if known.redeemed:
                raise EntraError(54005)
            known.redeemed = True
        if known.expires_at <= self._state.clock.now():
            raise EntraError(70008)
        if known.redirect_uri != form["redirect_uri"]:
            raise EntraError(500112, uri=form["redirect_uri"], first=known.redirect_uri)
        _check_verifier(known.challenge, form.get("code_verifier", ""))
        tenant = self._state.tenant(known.tenant_id)
        scope = parse_scope(form.get("scope") or known.scope)
        return self._for_user(tenant, app, known.user, scope, form, nonce=known.nonce)

    def _refresh_token(self, segment: str, app: Application, form: Mapping[str, str]) -> _Answer:
        if not form.get("refresh_token"):
            raise EntraError(900144, name="refresh_token")
        grant = self._state.ledger.grant(form["refresh_token"])
        if grant is None or grant.client_id.lower() != app.client_id.lower():
            raise EntraError(70000)
        if self._state.ledger.grant_revoked(grant):
            raise EntraError(50173)
        if grant.expires_at <= self._state.clock.now():
            raise EntraError(700082)
        tenant = self._state.tenant(grant.tenant_id)
        user = next((u for u in tenant.users if u.object_id == grant.object_id), None)
        if user is None:
            raise EntraError(50034, user=grant.object_id, tenant=tenant.name)
        if segment.lower() not in (*OPEN_TENANTS, tenant.id, tenant.name.lower()):
            raise EntraError(50020, user=user.upn, tenant=segment)
        asked = parse_scope(form.get("scope") or f"{grant.resource}/.default")
        # Answer a refresh token with a new one; the old one stays valid ("Refresh tokens in
        # the Microsoft identity platform").
        scope = Scope(asked.resource, asked.permissions, asked.reserved | {"offline_access"})
        return self._for_user(tenant, app, user, scope, form)

    def _for_user(
        self,
        tenant: Tenant,
        app: Application,
        user: User,
        scope: Scope,
        form: Mapping[str, str],
        nonce: str = "",
    ) -> _Answer:
        self._state.check_resource(tenant, scope.resource)
        self._state.fail_if_scripted(user.object_id, app.client_id)
        return self._mint.for_user(
            tenant,
            app,
            user,
            scope,
            nonce=nonce,
            client_info=form.get("client_info") == "1",
            cnf=confirmation(form),
        )


def _scope(form: Mapping[str, str]) -> Scope:
    if not form.get("scope"):
        raise EntraError(900144, name="scope")
    return parse_scope(form["scope"])


def check_password(user: User, password: str) -> None:
    """Raise AADSTS50126 unless `password` is the user's; for a user without one, any will do."""
    if user.password is None:
        return
    if not hmac.compare_digest(user.password.encode(), password.encode()):
        raise EntraError(50126)


def _check_verifier(challenge: str, verifier: str) -> None:
    digest = hashlib.sha256(verifier.encode()).digest()
    if not verifier or not hmac.compare_digest(b64url(digest), challenge):
        raise EntraError(501481)
