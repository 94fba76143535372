"""Read an identity endpoint's answer: a token, or the reason for a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeauth.adapters.answer import Answer
from kubeauth.errors import SignInError, SignInRefused, Throttled, ToolError, Unreachable
from kubeauth.providers._entra.refusals import hint_for
from kubeauth.providers._identity.hosts import IMDS, Host
from kubeauth.sanitize import plain_id, sanitized
from kubeauth.token import AccessToken, epoch, token_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["ELSEWHERE", "check_identity", "read_answer"]

ELSEWHERE: Final = "msi works on Azure machines only; elsewhere use another login such as azurecli"
_THROTTLED: Final = (
    "wait a minute; if it stays so, look for the program on this machine that asks for tokens in "
    "a loop"
)
_UPDATING: Final = "it is being updated, which takes up to 70 s: try again in a minute"
_IN_TROUBLE: Final = "try again in a minute; if it stays so, check --server-id"
# Renew a token that lives for a day at half of its life, unless the service sends a time.
_LONG_LIFE: Final = 7200
_OTHER_SPELLING: Final = {"msi_res_id": "mi_res_id"}
_NO_SUCH_IDENTITY: Final = (
    "identity not found",
    "no managed identity",
    "no user assigned",
    "no msi found",
    "managedidentitynotfound",
)


def read_answer(
    response: Answer, host: Host, what: str, asked_at: int
) -> tuple[AccessToken, dict[str, Any]]:
    """Return the token and the whole answer. Raises SignInError with the reason for a refusal.

    ``asked_at`` is in epoch seconds, for an answer that has only the token's lifetime.
    """
    answer = _read(response)
    try:
        if response.status_code >= 300:
            raise ValueError("a refusal")
        return _token(answer, asked_at), answer
    except (ValueError, TypeError, KeyError) as error:
        raise _refusal(response, answer, host, what) from error


def _read(response: Answer) -> dict[str, Any]:
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(answer: Mapping[str, Any], asked_at: int) -> AccessToken:
    """Return the token in an answer; its numbers may be text.

    Raises ValueError, TypeError or KeyError if it has no usable token.
    """
    token = token_text(answer["access_token"])
    if answer.get("expires_in") is not None:
        expires_on = epoch(asked_at + float(answer["expires_in"]))
    else:
        expires_on = epoch(answer["expires_on"])
    if expires_on <= asked_at:
        raise ValueError("the token has expired")
    refresh_in = answer.get("refresh_in")
    if refresh_in is None and expires_on - asked_at >= _LONG_LIFE:
        refresh_in = (expires_on - asked_at) // 2
    refresh_on = None if refresh_in is None else epoch(asked_at + float(refresh_in))
    return AccessToken(token, expires_on, refresh_on)


def check_identity(
    host: Host, asked: Mapping[str, str], answer: Mapping[str, Any], what: str
) -> None:
    """Raise SignInError for a token of another identity: older agents of Azure Arc ignore the id.

    Newer agents name the token's identity in the answer.
    """
    if not host.by_key_file:
        return
    for name in host.ids:
        wanted = asked.get(name, "").lower()
        told = answer.get(name) or answer.get(_OTHER_SPELLING.get(name, ""), "")
        if wanted and str(told).lower() != wanted:
            raise SignInRefused(
                f"{what}: this agent of Azure Arc gave a token of the machine's own identity",
                hint="update the agent (`azcmagent version`), or leave out the identity to sign "
                "in as the machine",
                code="other_identity",
            )


def _refusal(response: Answer, answer: Mapping[str, Any], host: Host, what: str) -> SignInError:
    """Make the error for an answer without a token.

    NOTE: show only the answer's error fields, never the whole answer.
    """
    error = answer.get("error")
    inner = error if isinstance(error, dict) else answer
    code = plain_id(inner.get("code") or error)
    secrets = [value for name, value in host.headers.items() if name != "Metadata"]
    text = sanitized(str(inner.get("error_description") or inner.get("message") or ""), secrets)
    status = response.status_code
    said = f"HTTP {status}{': ' if text else ''}{text}"
    if status == 429:
        return Throttled(f"{what}: {host.name} gets too many requests ({said})", hint=_THROTTLED)
    if _is_another(response, host):
        return ToolError(
            f"{what}: something else answers in place of {host.name} (HTTP {status})",
            hint=ELSEWHERE,
        )
    updating = (
        host.name == IMDS and status in (404, 410) and not _has(_NO_SUCH_IDENTITY, code, text)
    )
    if updating:
        return Unreachable(f"{what}: {host.name} is not ready ({said})", hint=_UPDATING)
    if not code and not text and status < 500:
        return Unreachable(
            f"{what}: {host.name} gave no usable answer (HTTP {status})", hint=ELSEWHERE
        )
    if status >= 500 and not hint_for(text, "msi"):
        # App Service sends this answer for an unknown API server, too.
        return Unreachable(f"{what}: {host.name} is in trouble ({said})", hint=_IN_TROUBLE)
    named = f" ({code})" if code and text else code
    return SignInRefused(
        f"{what}: {host.name} refuses: {text}{named}",
        hint=_hint(f"{code} {text}", status, host),
        code=code or f"HTTP {status}",
    )


def _has(signs: Iterable[str], *texts: str) -> bool:
    low = " ".join(texts).lower()
    return any(sign in low for sign in signs)


def _is_another(response: Answer, host: Host) -> bool:
    """Whether a portal, a proxy or another cloud's metadata service answers at IMDS's address.

    Google's service sends a header of its own. The others send HTML, which IMDS never does; a 5xx
    with HTML may come from a gateway of Azure's own.
    """
    if host.name != IMDS:
        return False
    is_html = response.text.lstrip().startswith("<") and response.status_code < 500
    return is_html or bool(response.headers.get("Metadata-Flavor"))


def _hint(text: str, status: int, host: Host) -> str:
    if _has(_NO_SUCH_IDENTITY, text):
        return "assign the identity to this machine, or name another with --client-id"
    if "multiple" in text.lower():
        return "name one with --client-id, --identity-resource-id or --identity-object-id"
    if status in (401, 403):
        return f"{host.name} sets its variables anew for each program: use them as they are"
    return hint_for(text, "msi") or ELSEWHERE
