"""Turn an error answer of Entra ID into an error with a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import SignInCancelled, SignInError, SignInRefused
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.client_secret import secret_place
from kubeauth.sanitize import plain_id, sanitized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["WRONG_KIND", "hint_for", "matches_no_credential", "refusal"]

# API servers cannot use another kind of token than was requested (RFC 6749 7.1).
WRONG_KIND: Final = {
    "pop": ("that is not bound to the key", "leave out --pop-enabled if the API server takes it"),
    "bearer": ("of another kind than Bearer", "check --authority-host: it has to be Entra ID's"),
}

_ALLOW_PUBLIC: Final = (
    "allow public client flows for the application (`az ad app update --id {client} "
    "--is-fallback-public-client true`)"
)
_ADD_SECRET: Final = "give --client-secret or a certificate"  # noqa: S105

# No code has more digits; a longer number would cost time to read.
_LONGEST_CODE: Final = 12
_ANY_HINT: Final = "look the code up: https://login.microsoftonline.com/error"
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

# OAuth errors that a new sign-in by the person can mend (RFC 6749 5.2, OpenID Connect Core
# 3.1.2.6), except for these codes: Entra ID would refuse the new sign-in as well.
_FOR_THE_PERSON: Final = frozenset(
    {"invalid_grant", "interaction_required", "login_required", "consent_required"}
)
_WHOEVER_SIGNS_IN: Final = frozenset({"AADSTS50057", "AADSTS500011", "AADSTS650057"})
# Policies that check the device: they see it through its browser, not through a code or a password.
_OF_THE_DEVICE: Final = frozenset(
    {"AADSTS50005", "AADSTS50097", "AADSTS53000", "AADSTS53001", "AADSTS53003"}
)
# The refresh token is invalid. With other codes it still works for other API servers.
_SESSION_OVER: Final = frozenset(
    {
        *("AADSTS50089", "AADSTS50132", "AADSTS50133", "AADSTS50173", "AADSTS530036"),
        *("AADSTS70000", "AADSTS70008", "AADSTS70043", "AADSTS700082", "AADSTS700084"),
    }
)
# "The user declined to consent"; as `access_denied`, all other codes are refusals by Entra ID.
_DECLINED: Final = frozenset({"AADSTS65004"})

_CODE: Final = r"AADSTS(\d+)"
_TRAILER: Final = r"(?s)\s*(Trace ID|Correlation ID|Timestamp):.*"


def hint_for(text: str, login: str, settings: Settings | None = None) -> str:
    """Return cause and next step for the first code in a text, "" if there is none we know."""
    from kubeauth.providers._entra.hints import find_hint

    match = re.search(_CODE, text)
    hint = find_hint(int(match[1][:_LONGEST_CODE])) if match else None
    if hint is None:
        return ""
    row = find_login(login)
    ids = {
        "client": (settings and settings.client_id) or "CLIENT-ID",
        "tenant": (settings and settings.tenant_id) or "TENANT",
        "server": (settings and settings.resource) or AKS_SERVER_ID,
    }
    command = row.sign_in_command(ids["tenant"])
    return f"{hint.cause}: {hint.step_for(login)}".format(
        way=row.other_way,
        again=f"sign in again with `{command}`" if command else row.again,
        secret=secret_place(settings) if settings is not None else "--client-secret",
        public=(_ALLOW_PUBLIC if row.public_client else _ADD_SECRET).format(**ids),
        **ids,
    )


def matches_no_credential(code: str) -> bool:
    """Whether a code says that the application trusts no token like the one that was sent.

    Issuer, subject and audience of that token then help more than any advice.
    """
    return code == "AADSTS70025" or code.startswith("AADSTS70021")


def refusal(
    answer: Mapping[str, Any],
    what: str,
    login: str,
    settings: Settings | None = None,
    *,
    secrets: Iterable[str] = (),
) -> SignInError:
    """Make the error for an OAuth error answer (RFC 6749 5.2) to ``what`` ``login`` tried.

    ``secrets`` are not shown, should the answer quote them.
    """
    error = plain_id(answer.get("error")) or "unknown error"
    description = str(answer.get("error_description") or "")
    codes = answer.get("error_codes") or [None]
    match = re.search(_CODE, description)
    code = match[0] if match else (f"AADSTS{codes[0]}" if codes[0] else "")
    declined = error != "access_denied" or not code or code in _DECLINED
    if error in _CANCELLED and declined:
        return SignInCancelled(f"{what}: {_CANCELLED[error]}", hint=_AGAIN)
    text = sanitized(re.sub(_TRAILER, "", description), secrets) or error
    evidence = plain_id(answer.get("correlation_id"))
    unseen = code in _OF_THE_DEVICE and not find_login(login).in_browser
    helps = error in _FOR_THE_PERSON and code not in _WHOEVER_SIGNS_IN and not unseen
    lookup = _ANY_HINT + (f"?code={code.removeprefix('AADSTS')}" if code else "")
    return SignInRefused(
        f"{what}: {text}" + (f" (correlation id {evidence})" if evidence else ""),
        hint=hint_for(code, login, settings) or (_ADFS_HINT if text.startswith("MSIS") else lookup),
        code=code or error,
        person_helps=helps,
        session_over=helps and (not code or code in _SESSION_OVER),
    )
