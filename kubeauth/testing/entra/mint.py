"""Make access tokens, id tokens and refresh tokens in Entra ID's form."""

from __future__ import annotations

import json
import secrets as random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubeauth.testing.entra.directory import EXCHANGE_AUDIENCE
from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.wire.jwt import b64url, b64url_decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeauth.testing.entra.directory import Application, ManagedIdentity, Tenant, User
    from kubeauth.testing.entra.state import EntraState

RESERVED_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})
_GRAPH = "https://graph.microsoft.com"
# More groups than this do not fit into a token ("Groups overage claim").
_MOST_GROUPS = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """A parsed `scope` parameter: one resource, its permissions, the OpenID Connect scopes."""

    resource: str
    permissions: tuple[str, ...]
    reserved: frozenset[str]


def parse_scope(text: str) -> Scope:
    """Return the parts of a scope; raises AADSTS70011 if it names two resources.

    A permission without a resource belongs to Microsoft Graph ("Scopes and permissions in the
    Microsoft identity platform").
    """
    words = text.split()
    reserved = frozenset(words) & RESERVED_SCOPES
    resources, permissions = [], []
    for word in words:
        if word in reserved:
            continue
        resource, slash, permission = word.rpartition("/")
        if slash and not permission:
            raise EntraError(70011, scope=text)
        if (resource or _GRAPH) not in resources:
            resources.append(resource or _GRAPH)
        permissions.append(permission)
    if len(resources) > 1:
        raise EntraError(70011, scope=text)
    return Scope(resources[0] if resources else _GRAPH, tuple(permissions), reserved)


def confirmation(form: Mapping[str, str]) -> dict[str, str] | None:
    """Return the `cnf` claim for a request for a proof-of-possession token (RFC 7800).

    `req_cnf` is base64url of `{"kid": …}`, the thumbprint of the client's key.
    """
    if form.get("token_type", "").lower() != "pop":
        return None
    try:
        asked = json.loads(b64url_decode(form.get("req_cnf", "")))
        kid = asked["kid"]
    except (ValueError, KeyError, TypeError):
        raise EntraError(900144, name="req_cnf") from None
    if not isinstance(kid, str) or not kid:
        raise EntraError(900144, name="req_cnf")
    return {"kid": kid, "xms_ksl": "sw"}


def _few_groups(claims: Mapping[str, Any], tenant_id: str, object_id: str) -> dict[str, Any]:
    """Replace too many groups by the address of their list ("Groups overage claim")."""
    if len(claims.get("groups", ())) <= _MOST_GROUPS:
        return dict(claims)
    kind = "users" if claims.get("idtyp") == "user" else "servicePrincipals"
    address = f"https://graph.windows.net/{tenant_id}/{kind}/{object_id}/getMemberObjects"
    return {
        **{name: value for name, value in claims.items() if name != "groups"},
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": address}},
    }


def _version_2(body: Mapping[str, Any], audience: str, issuer: str) -> dict[str, Any]:
    """Return the claims of a version 1 token as version 2 has them."""
    names = {"appid": "azp", "appidacr": "azpacr", "upn": "preferred_username"}
    left_out = ("idp", "unique_name", "amr", "acr")
    claims = {names.get(n, n): value for n, value in body.items() if n not in left_out}
    return {**claims, "aud": audience, "iss": issuer, "ver": "2.0"}


class Mint:
    """Makes tokens and writes them into the ledger."""

    def __init__(self, state: EntraState) -> None:
        self._state = state

    def access_token(
        self, tenant_id: str, audience: str, object_id: str, claims: Mapping[str, Any]
    ) -> str:
        """Return a signed access token ("Access token claims reference").

        Its version is 1, unless the audience is an application that wants version 2.
        """
        now = int(self._state.clock.now())
        issuer = f"https://sts.windows.net/{tenant_id}/"
        uti = random.token_urlsafe(16)
        body = {
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + self._state.settings.token_lifetime,
            "idp": issuer,
            "oid": object_id,
            "tid": tenant_id,
            "uti": uti,
            "ver": "1.0",
            **_few_groups(claims, tenant_id, object_id),
        }
        resource = self._resource(tenant_id, audience)
        if audience == EXCHANGE_AUDIENCE:
            body = _version_2(body, audience, f"{self._state.authority}{tenant_id}/v2.0")
        if resource is not None and resource.token_version == 2:
            body = _version_2(body, resource.client_id, f"{self._state.authority}{tenant_id}/v2.0")
        self._state.ledger.register_access(body["uti"])
        return self._state.signer.sign(body, {"x5t": self._state.signer.kid})

    def _resource(self, tenant_id: str, audience: str) -> Application | None:
        tenant = self._state.directory.tenant(tenant_id)
        client_id = audience.removeprefix("spn:").removeprefix("api://").rstrip("/")
        return tenant.application(client_id) if tenant is not None else None

    def for_application(
        self,
        tenant: Tenant,
        app: Application | ManagedIdentity,
        resource: str,
        *,
        strength: str = "1",
        cnf: Mapping[str, str] | None = None,
        groups: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Return the answer for an application; `strength` is 1 for a secret, 2 for a key."""
        claims: dict[str, Any] = {
            "appid": app.client_id,
            "appidacr": strength,
            "idtyp": "app",
            "sub": app.object_id,
        }
        if groups:
            claims["groups"] = list(groups)
        return self._answer(tenant.id, resource, app.object_id, claims, cnf)

    def for_user(
        self,
        tenant: Tenant,
        app: Application,
        user: User,
        scope: Scope,
        *,
        nonce: str = "",
        client_info: bool = False,
        cnf: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the answer for a person: with `openid` and `offline_access` the other tokens."""
        claims = {
            "acr": "1",
            "amr": ["pwd"],
            "appid": app.client_id,
            "appidacr": "0" if app.public else "1",
            "groups": list(user.groups),
            "idtyp": "user",
            "name": user.upn.partition("@")[0],
            "scp": "user.read",
            "sub": user.object_id,
            "unique_name": user.upn,
            "upn": user.upn,
        }
        answer = self._answer(tenant.id, scope.resource, user.object_id, claims, cnf)
        permissions = dict.fromkeys((*scope.permissions, "user.read"))
        granted = [f"{scope.resource}/{permission}" for permission in permissions]
        answer["scope"] = " ".join(granted)
        if "offline_access" in scope.reserved:
            lifetime = self._state.settings.refresh_token_lifetime
            answer["refresh_token"] = self._state.ledger.issue_refresh(
                app.client_id,
                tenant.id,
                user.object_id,
                scope.resource,
                self._state.clock.now() + lifetime,
            )
        if "openid" in scope.reserved:
            answer["id_token"] = self._id_token(tenant, app, user, nonce)
        if client_info and not tenant.is_adfs:
            info = json.dumps({"uid": user.object_id, "utid": tenant.id})
            answer["client_info"] = b64url(info.encode())
        return answer

    def _answer(
        self,
        tenant_id: str,
        resource: str,
        object_id: str,
        claims: dict[str, Any],
        cnf: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        settings = self._state.settings
        if cnf is not None:
            claims = {**claims, "cnf": dict(cnf)}
        answer = {
            "token_type": "Bearer" if cnf is None else "pop",
            "expires_in": settings.token_lifetime,
            "ext_expires_in": settings.token_lifetime,
            "access_token": self.access_token(tenant_id, resource, object_id, claims),
        }
        if settings.refresh_in is not None:
            answer["refresh_in"] = settings.refresh_in
        return answer

    def _id_token(self, tenant: Tenant, app: Application, user: User, nonce: str) -> str:
        now = int(self._state.clock.now())
        claims: dict[str, Any] = {
            "aud": app.client_id,
            "iss": f"{self._state.authority}{tenant.id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "name": user.upn.partition("@")[0],
            "oid": user.object_id,
            "preferred_username": user.upn,
            "sub": user.object_id,
            "tid": tenant.id,
            "ver": "2.0",
        }
        if tenant.is_adfs:
            person = {"sub": user.object_id, "upn": user.upn, "unique_name": user.upn}
            times = {name: claims[name] for name in ("aud", "iat", "nbf", "exp")}
            claims = {"iss": f"{self._state.authority}adfs", **times, **person}
        if nonce:
            claims["nonce"] = nonce
        return self._state.signer.sign(claims)
