"""Make foreign text safe to show: one line, bounded, without secrets and control characters."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

__all__ = ["masked", "plain_id", "sanitized"]

# What tokens and keys look like. Each alternative starts only where a word begins, and repeats
# nothing inside a repetition: the search stays linear however long a word is.
_CREDENTIAL: Final = (
    r"(?a)(?<![\w-])(?:"
    r"[\w-]{16,}\.[\w-]{16,}(?:\.[\w-]*)*"  # JWT (RFC 7519), and encrypted ones with five parts
    r"|[01]\.A[\w-]{20,}(?:\.[\w-]*)*"  # codes and refresh tokens of Entra ID
    r"|M\.[\w-]{2,}[.\w!*$-]{16,}"  # codes and refresh tokens of personal accounts
    r"|gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}"  # GitHub, GitLab
    r"|[A-Za-z0-9]{52,}"  # Azure DevOps (52 or 84 characters)
    r"|[\w+/-]{3,40}~[\w.~-]{20,}"  # client secrets of Entra ID (abc8Q~…)
    r")"
)
# A parameter of a URL or a form whose value is a credential; "sig" is the signature of a SAS.
_PARAMETER: Final = (
    r"(?i)(?<![\w-])(sig|code|device_code|access_token|refresh_token|id_token|client_secret"
    r"|client_assertion|assertion|password)=[^\s&\"'<>]{4,}"
)
# User and password in front of a host; no "/" may stand before the "@" (RFC 3986 3.2.1).
_USERINFO: Final = r"://[^\s/?#@]*(?:@[^\s/?#@]*)*@"
_ID: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_LONGEST: Final = 300
_LOOKED_AT: Final = 10_000
# A shorter secret would stand inside ordinary words.
_SHORTEST_SECRET: Final = 4


def sanitized(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` in one line of at most 300 characters, without a full stop.

    A longer text ends in "…" after its last whole word: half an address would lead nowhere.
    NOTE: replaces ``secrets``, however they are written, and everything that looks like a token,
    since programs and servers quote both. Characters that move a terminal's cursor, or turn the
    direction of the text, become blanks.
    """
    line = masked(_one_line(text[:_LOOKED_AT]), secrets).rstrip(". ")
    if len(line) <= _LONGEST:
        return line
    cut = line[: _LONGEST - 1]
    whole = cut if line[_LONGEST - 1] == " " else cut.rpartition(" ")[0] or cut
    return f"{whole.rstrip('. …')}…"


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` without ``secrets``, however they are written, and without tokens."""
    # The longest form first: one may be a part of another.
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms | {_one_line(form) for form in forms}, key=len, reverse=True):
        if len(form) <= len(text):
            text = re.sub(re.escape(form), "…", text, flags=re.IGNORECASE)
    text = re.sub(_USERINFO, "://…@", text)
    text = re.sub(_PARAMETER, r"\1=…", text)
    return re.sub(_CREDENTIAL, "…", text)


def plain_id(value: object) -> str:
    """Return a server's id or code if it looks like one, else "".

    NOTE: a server may put any text where a correlation id or an error code belongs.
    """
    text = value if isinstance(value, str) else ""
    return text if re.fullmatch(_ID, text) and not re.search(_CREDENTIAL, text) else ""


def _one_line(text: str) -> str:
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as programs and servers write it: raw, and encoded in the usual ways."""
    import base64
    import json
    from urllib.parse import quote, quote_plus

    raw = secret.encode("utf-8", "surrogatepass")
    if len(_one_line(secret)) < _SHORTEST_SECRET:
        return
    yield from (secret, secret.strip(), quote(raw, safe=""), quote(raw), quote_plus(raw))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        yield encoded.decode().rstrip("=")
