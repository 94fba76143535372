"""azure-core's HTTP transport, whose refusals and failures do not repeat what was sent.

MSAL, which azure-identity uses, logs an answer that it cannot read, and the text of a refusal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from azure.core.pipeline.transport import RequestsTransport

from kubeauth.providers._entra.http import unquoting

if TYPE_CHECKING:
    import requests

__all__ = ["transport_over"]

# The parameters of a token request that are secrets (RFC 6749, RFC 7523, RFC 8628).
_SECRETS: Final = (
    *("client_secret", "client_assertion", "assertion", "password", "refresh_token", "code"),
    *("device_code", "code_verifier"),
)


def transport_over(session: requests.Session) -> RequestsTransport:
    """Return a transport that sends with ``session``, which it changes and leaves open."""
    session.hooks["response"].append(_tidied)
    return RequestsTransport(session=session, session_owner=False)


def _tidied(answer: requests.Response, **_: Any) -> None:
    """Make the answer to a token request safe to log, before anybody reads it."""
    body = answer.request.body
    if isinstance(body, (str, bytes)):
        sent = parse_qs(body if isinstance(body, str) else body.decode("latin-1"))
        secrets = {value for name in _SECRETS for value in sent.get(name, ())}
        answer._content = _safe(answer.content, secrets)


def _safe(content: bytes, secrets: set[str]) -> bytes:
    """Return a token as it is, a refusal without ``secrets``, and nothing of anything else."""
    try:
        answer = json.loads(content)
    except ValueError:
        return b""
    if not isinstance(answer, dict):
        return b""
    if "error" not in answer:
        return content
    return json.dumps({name: unquoting(value, secrets) for name, value in answer.items()}).encode()
