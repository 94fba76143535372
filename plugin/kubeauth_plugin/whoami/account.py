"""Sign in to a target, and say who that makes you: as lines for people, or as JSON."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from kubeauth.adapters.unreachable import unreachable
from kubeauth.cache.storage.names import TOKEN
from kubeauth.errors import KubeauthError
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin.diagnostics import naming_variables, warn
from kubeauth_plugin.output import columns, harmless
from kubeauth_plugin.prompt import progress_line, prompt_for
from kubeauth_plugin.whoami.api_server import Review, review
from kubeauth_plugin.whoami.facts import Facts, date_of, facts_of
from kubeauth_plugin.whoami.target import Target

__all__ = ["Account", "as_json", "as_lines", "sign_in"]


@dataclass(frozen=True, slots=True)
class Account:
    """A token for a target. ``presented`` is the token as the API server accepts it.

    ``file`` is where the cache keeps it; "" if it is new, or the cache is not on disk.
    """

    target: Target
    token: str = field(repr=False)
    presented: str = field(repr=False)
    is_new: bool
    file: str

    @property
    def facts(self) -> Facts:
        """What the token says."""
        return facts_of(self.token)


def sign_in(target: Target, *, asked_for: bool = False) -> Account:
    """Return a token for the target, from the cache if it has one; raises SignInError.

    With ``asked_for``, somebody has typed that they want to sign in, so they are there.
    """
    purpose = f"context {target.context!r}" if target.context else ""
    system = System(
        environ=target.environ,
        prompt=prompt_for(asked_for or None),
        progress=progress_line(),
        purpose=purpose,
        warn=warn,
    )
    with naming_variables(target.settings):
        provider = provider_for(target.settings, system)
        begun = system.now()
        kept = provider.obtain()
        folder = provider.cache_folder
        is_new = kept.obtained_on >= begun
        file = "" if folder is None else os.path.join(folder.path, provider.key().digest + TOKEN)
        presented = provider.presented(kept.token).token
        return Account(target, kept.token.token, presented, is_new, "" if is_new else file)


def _seen_by_server(account: Account) -> dict[str, Any] | None:
    """Return what the API server says, by the names of the JSON; None without a server."""
    cluster = account.target.cluster
    if cluster is None:
        return None
    try:
        found = review(cluster, account.presented, account.target.environ)
    except KubeauthError as error:
        return {"reached": False, "status": 0, "error": str(error)}
    if found.failure is not None:
        reason = str(unreachable("whoami", found.failure)).removeprefix("whoami: ")
        return {"reached": False, "status": 0, "error": reason}
    return {
        "reached": True,
        "status": found.status,
        "user": found.user,
        "groups": list(found.groups),
        "error": "" if found.user else _refusal(found),
    }


def _refusal(found: Review) -> str:
    if not found.is_kubernetes:
        return "the answer is not that of an API server"
    return found.message or f"HTTP {found.status}"


def as_json(account: Account) -> dict[str, Any]:
    """Return what is known, with the keys of docs/commands.md; it holds no secret."""
    facts, target = account.facts, account.target
    return {
        "context": target.context,
        "cluster": target.cluster.server if target.cluster else "",
        "login": target.settings.login,
        "kind": facts.kind,
        "name": facts.name,
        "objectId": facts.object_id,
        "application": facts.application,
        "tenant": facts.tenant,
        "audience": facts.audience,
        "issuer": facts.issuer,
        "version": facts.version,
        "groups": {"count": None if facts.overage else len(facts.groups), "overage": facts.overage},
        "issuedAt": date_of(facts.issued_at, "T"),
        "expiresAt": date_of(facts.expires_at, "T"),
        "source": {"kind": "sign-in" if account.is_new else "cache", "file": account.file},
        "apiServer": _seen_by_server(account),
    }


def as_lines(found: dict[str, Any]) -> str:
    """Return the same for people, one fact a line."""
    groups = "more than 200: the token names none" if found["groups"]["overage"] else ""
    source = found["source"]
    where = f"the cache ({source['file']})" if source["file"] else "the cache"
    rows = [
        ("context", found["context"]),
        ("cluster", found["cluster"]),
        ("login", found["login"]),
        (found["kind"], found["name"]),
        ("object id", found["objectId"]),
        ("tenant", found["tenant"]),
        ("audience", found["audience"]),
        ("groups", groups or str(found["groups"]["count"])),
        ("issued", found["issuedAt"].replace("T", " ")),
        ("expires", found["expiresAt"].replace("T", " ")),
        ("token from", where if source["kind"] == "cache" else "a new sign-in"),
    ]
    server = found["apiServer"]
    if server is not None and server.get("user"):
        rows.append(
            ("API server", f"{server['user']}, in {', '.join(server['groups']) or 'no group'}")
        )
    elif server is not None:
        rows.append(("API server", f"{server['error']} (see `kubeauth doctor`)"))
    return columns([(name, harmless(text)) for name, text in rows if text])
