"""What Entra ID's refusals mean to the person who meets one, and what to do about each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import SignInCancelled, SignInError, SignInRefused
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.client_secret import secret_place
from kubeauth.sanitize import sanitized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["NO_FEDERATED_CREDENTIAL", "hint_for", "refusal"]

# Filled in by ``refusal`` with a way that may work where this one does not.
_ANOTHER_WAY: Final = "{way}"
# … with where the client secret came from, and with what a client without one may need.
_SECRET: Final = "{secret}"  # noqa: S105
_PUBLIC: Final = "{public}"
_SIGN_IN_AGAIN: Final = "sign in again"
_ADD_CREDENTIAL: Final = "add a federated credential like the token to the application"

# What each code means is in "Microsoft Entra authentication and authorization error codes" in
# Microsoft's documentation.
_HINTS: Final = {
    "AADSTS50005": f"Conditional Access does not accept this platform: {_ANOTHER_WAY}",
    "AADSTS50020": "this user is of another tenant: check --tenant-id, or have them invited",
    "AADSTS50034": "the tenant knows no such user: check the name and --tenant-id",
    "AADSTS50057": "the account is disabled: an administrator can enable it",
    "AADSTS50076": f"multi-factor authentication is needed: {_ANOTHER_WAY}",
    "AADSTS50079": "this user has to set up multi-factor authentication first",
    "AADSTS50097": f"the tenant wants a registered device: {_ANOTHER_WAY}",
    "AADSTS50126": "check the user name and the password",
    "AADSTS50158": f"Conditional Access asks for an outside check: {_ANOTHER_WAY}",
    "AADSTS50173": f"the sign-in was revoked or the password changed: {_SIGN_IN_AGAIN}",
    "AADSTS53000": f"the tenant wants a compliant device: {_ANOTHER_WAY}",
    "AADSTS53001": f"the tenant wants a joined device: {_ANOTHER_WAY}",
    "AADSTS53003": f"Conditional Access blocks this way to sign in: {_ANOTHER_WAY}",
    "AADSTS65001": "the application lacks consent: an administrator of the tenant can grant it",
    "AADSTS70021": f"no federated credential matches: {_ADD_CREDENTIAL}",
    "AADSTS700211": f"no federated credential has this issuer: {_ADD_CREDENTIAL}",
    "AADSTS700212": f"no federated credential has this audience: {_ADD_CREDENTIAL}",
    "AADSTS700213": f"no federated credential has this subject: {_ADD_CREDENTIAL}",
    "AADSTS70043": f"the sign-in is older than the tenant allows: {_SIGN_IN_AGAIN}",
    "AADSTS700016": "the tenant knows no such application: check --client-id and --tenant-id",
    "AADSTS700024": "have a new federated token issued, and check this machine's clock",
    "AADSTS700027": "register this certificate with the application (`az ad app credential list "
    "--cert`), and check --client-id",
    "AADSTS700082": f"the sign-in was not used for too long: {_SIGN_IN_AGAIN}",
    "AADSTS700084": f"the sign-in is older than a day, all that its application allows: "
    f"{_SIGN_IN_AGAIN}",
    "AADSTS7000112": "the application is disabled here: an administrator can enable it",
    "AADSTS7000215": f"check {_SECRET}: it wants the secret's value, not its id",
    "AADSTS7000218": _PUBLIC,
    "AADSTS7000222": f"the secret of {_SECRET} has expired: add a new one with "
    "`az ad app credential reset --append --id CLIENT-ID`",
    "AADSTS90002": "there is no such tenant: check --tenant-id, and --environment for its cloud",
    "AADSTS900023": "this is not a tenant id: check --tenant-id",
    "AADSTS500011": "the tenant knows no such API server: check --server-id "
    f"(AKS: {AKS_SERVER_ID})",
    "AADSTS650057": "check --server-id, and which permissions the application has",
}
_ALLOW_PUBLIC: Final = (
    "allow public client flows for the application (`az ad app update --id CLIENT-ID "
    "--is-fallback-public-client true`)"
)

_ANY_HINT: Final = "look the code up at https://login.microsoftonline.com/error"
_ADFS_HINT: Final = (
    "check --client-id, --server-id and the credential; the event log AD FS/Admin of the AD FS "
    "server has the details"
)

# RFC 8628 3.5: how a device code ends without a token.
_CANCELLED: Final = {
    "authorization_declined": "the sign-in was declined in the browser",
    "access_denied": "the sign-in was declined in the browser",
    "expired_token": "the code was not used in time",
    "code_expired": "the code was not used in time",
}
_AGAIN: Final = "run the command again and finish signing in"

# The assertion matches no federated credential: what it says is then worth more than any advice.
NO_FEDERATED_CREDENTIAL: Final = frozenset(
    {"AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213"}
)
# OAuth errors over which the person can help by signing in (RFC 6749 5.2, OpenID Connect Core
# 3.1.2.6), but for these codes: whoever signs in would be refused as well.
_FOR_THE_PERSON: Final = frozenset(
    {"invalid_grant", "interaction_required", "login_required", "consent_required"}
)
_WHOEVER_SIGNS_IN: Final = frozenset({"AADSTS50057", "AADSTS500011", "AADSTS650057"})
# Policies that look at the device: a browser on it shows it to them, a code or a password does not.
_OF_THE_DEVICE: Final = frozenset(
    {"AADSTS50005", "AADSTS50097", "AADSTS53000", "AADSTS53001", "AADSTS53003"}
)
# The refresh token is dead. With other codes it is good for other API servers.
_SESSION_OVER: Final = frozenset(
    {
        *("AADSTS50173", "AADSTS70000", "AADSTS70008", "AADSTS70043"),
        *("AADSTS700082", "AADSTS700084"),
    }
)
# "The user declined to consent"; as `access_denied`, all other codes are refusals by Entra ID.
_DECLINED: Final = frozenset({"AADSTS65004"})

_CODE: Final = r"AADSTS\d+"
_TRAILER: Final = r"(?s)\s*(Trace ID|Correlation ID|Timestamp):.*"


def hint_for(text: str, login: str, settings: Settings | None = None) -> str:
    """Return the advice for the first code in a text, "" if it has none or is not known."""
    match = re.search(_CODE, text)
    hint = _HINTS.get(match[0], "") if match else ""
    row = find_login(login)
    public = _ALLOW_PUBLIC if row.public_client else "give --client-secret or a certificate"
    place = secret_place(settings) if settings is not None else "--client-secret"
    return hint.format(way=row.other_way, secret=place, public=public)


def refusal(
    answer: Mapping[str, Any], what: str, login: str, settings: Settings | None = None
) -> SignInError:
    """Make the error for an OAuth error answer (RFC 6749 5.2) to ``what`` ``login`` tried."""
    error = str(answer.get("error") or "unknown error")
    description = str(answer.get("error_description") or "")
    codes = answer.get("error_codes") or [None]
    match = re.search(_CODE, description)
    code = match[0] if match else (f"AADSTS{codes[0]}" if codes[0] else "")
    declined = error != "access_denied" or not code or code in _DECLINED
    if error in _CANCELLED and declined:
        return SignInCancelled(f"{what}: {_CANCELLED[error]}", hint=_AGAIN)
    text = sanitized(re.sub(_TRAILER, "", description)) or error
    evidence = answer.get("correlation_id")
    unseen = code in _OF_THE_DEVICE and not find_login(login).in_browser
    helps = error in _FOR_THE_PERSON and code not in _WHOEVER_SIGNS_IN and not unseen
    return SignInRefused(
        f"{what}: {text}" + (f" (correlation id {evidence})" if evidence else ""),
        hint=hint_for(code, login, settings)
        or (_ADFS_HINT if text.startswith("MSIS") else _ANY_HINT),
        code=code or error,
        person_helps=helps,
        session_over=helps and (not code or code in _SESSION_OVER),
    )
