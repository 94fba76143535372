"""Turn an error answer of Resource Manager into an error with a hint.

Sources: "Azure Resource Manager REST API", error responses; "Troubleshoot common Azure deployment
errors"; for the roles "Azure built-in roles for Containers".
"""

from __future__ import annotations

import re
from typing import Final

from kubeauth.adapters.answer import Answer
from kubeauth.errors import SignInRefused, Throttled, Unreachable
from kubeauth.sanitize import sanitized

__all__ = ["refusal"]

_CLUSTER_USER: Final = "Azure Kubernetes Service Cluster User Role"
_ID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DENIED: Final = re.compile(
    rf"object id '(?P<who>{_ID})'.{{1,200}}?action '(?P<action>[\w./]+)'.{{1,40}}?"
    r"scope '(?P<scope>/[\w./() -]+)'"
)
_ISSUERS: Final = re.compile(rf"sts\.windows\.net/({_ID})")
_LOOKED_AT: Final = 10_000
_AGAIN: Final = "run the command again in a moment"
_HINTS: Final = {
    "AuthenticationFailed": "check --environment and --resource-manager",
    "InvalidAuthenticationToken": "sign in again: give --force-refresh once",
    "InvalidAuthenticationTokenAudience": "check --environment and --resource-manager: the cloud "
    "that was signed in to is another one",
    "ExpiredAuthenticationToken": "check this machine's clock, then give --force-refresh once",
    "InvalidSubscriptionId": "give the subscription's id or its name; `kubeauth clusters` lists "
    "both",
    "SubscriptionNotFound": "check the subscription and --tenant-id: only subscriptions of the "
    "tenant that was signed in to are found",
    "ResourceGroupNotFound": "check -g; `kubeauth clusters` lists the groups with clusters",
    "ResourceNotFound": "check -g and -n; `kubeauth clusters` lists the clusters",
}


def refusal(answer: Answer, what: str) -> SignInRefused | Unreachable:
    """Make the error for an answer that is not a success; ``what`` begins its text."""
    code, message = _reason(answer)
    status = f"HTTP {answer.status_code}"
    denied = _DENIED.search(message) if code == "AuthorizationFailed" else None
    if denied is not None:
        message = f"{denied['who']} lacks {denied['action']} on {denied['scope']}"
    said = f"{what}: {code}: {sanitized(message)} ({status})" if code else f"{what}: {status}"
    if answer.status_code == 429:
        seconds = answer.headers.get("Retry-After", "")
        wait = f"wait {seconds} seconds" if seconds.isdecimal() else "wait a minute"
        return Throttled(said, hint=f"Resource Manager limits requests: {wait}, then try again")
    if answer.status_code >= 500:
        return Unreachable(said, hint=_AGAIN)
    hint = _role_hint(denied) if code == "AuthorizationFailed" else _hint(code, message)
    return SignInRefused(said, hint=hint, code=code or status)


def _reason(answer: Answer) -> tuple[str, str]:
    """Return the code and the message of an error answer; ("", "") if it is not one."""
    try:
        error = answer.json()["error"]
        return sanitized(str(error["code"])), str(error["message"])[:_LOOKED_AT]
    except (ValueError, TypeError, LookupError):
        return "", ""


def _hint(code: str, message: str) -> str:
    if code == "InvalidAuthenticationTokenTenant":
        tenants = _ISSUERS.findall(message)
        wanted = f"--tenant-id {tenants[-1]}" if tenants else "--tenant-id"
        return f"give {wanted}: the subscription belongs to another tenant than the sign-in"
    usual = "check --environment and --resource-manager" if not code else "see what the error names"
    return _HINTS.get(code, usual)


def _role_hint(denied: re.Match[str] | None) -> str:
    """Return the command that gives the missing role."""
    wants_credential = denied is None or "listclusterusercredential" in denied["action"].lower()
    role = _CLUSTER_USER if wants_credential else "Reader"
    if denied is None:
        return f"give it the role {role} on the cluster"
    return (
        f"give it the role {role}, as somebody who may: az role assignment create "
        f'--assignee {denied["who"]} --role "{role}" --scope "{denied["scope"]}"'
    )
