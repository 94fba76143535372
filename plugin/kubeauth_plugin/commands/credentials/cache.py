"""``kubeauth cache``: list the token cache."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from typing import Any, Final

import click

from kubeauth.cache.storage.location import cache_path
from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import KubeauthError
from kubeauth.kubeconfig.entry import read_kubeconfigs
from kubeauth.options.logins import LOGINS
from kubeauth_plugin.cache_admin import contexts_of_tokens, kept
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.output import columns, say

__all__ = ["command"]

_COLUMNS: Final = ("", "user", "contexts", "server", "login", "tenant", "until", "renewable")
_ABOUT: Final = ("login", "user", "server", "tenant")
_AKS: Final = "AKS"


@click.group("cache")
@logging_options
def command() -> None:
    """List the token cache."""


@command.command("list")
@click.option("--cache-dir", default="", metavar="FOLDER", help="folder of the cache")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table")
@logging_options
def list_command(cache_dir: str, output: str) -> None:
    """Show the user, contexts, API server and expiry of each cached token, but never the token.

    A star marks the token of the current context. Times are local; in JSON they are UTC.

    \b
    kubeauth cache list
    kubeauth cache list -o json
    """
    path = cache_path(cache_dir, os.environ)
    tokens = [] if path is None else _described(path)
    if output == "json":
        say(json.dumps(tokens, indent=2))
        return
    if not tokens:
        say("the cache is empty")
        return
    head = [name.upper() for name in _COLUMNS]
    say(columns([head, *(_cells(token) for token in tokens)]))


def _described(path: str) -> list[dict[str, Any]]:
    """Return what there is to say of each token, for programs."""
    contexts = contexts_of_tokens(os.environ)
    current = _current_context()
    described = []
    for entry, renewable in kept(path):
        expiry = datetime.fromtimestamp(entry.kept.token.expires_on, timezone.utc)
        named = contexts.get(entry.digest, [])
        described.append(
            {
                **{
                    name: entry.about.get(name, "")
                    for name in ("login", "user", "server", "tenant")
                },
                "contexts": named,
                "current": bool(current) and current in named,
                "until": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "expired": entry.kept.token.seconds_left(time.time()) <= 0,
                # A login of a program signs in again; a person's needs a session for that.
                "renewable": renewable or not _is_for_people(entry.about.get("login", "")),
            }
        )
    return sorted(described, key=lambda token: (token["login"], token["user"], token["server"]))


def _is_for_people(login: str) -> bool:
    return login not in LOGINS or LOGINS[login].human


def _current_context() -> str:
    try:
        return read_kubeconfigs(None, os.environ).current_context
    except KubeauthError:
        return ""


def _cells(token: dict[str, Any]) -> list[str]:
    """Return what there is to say of a token in a line, for people."""
    utc = datetime.strptime(token["until"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    until = utc.astimezone().strftime("%Y-%m-%d %H:%M")
    server = token["server"].removeprefix("spn:")
    return [
        "*" if token["current"] else "",
        token["user"],
        ", ".join(token["contexts"]) or "-",
        _AKS if server == AKS_SERVER_ID else token["server"],
        token["login"],
        token["tenant"],
        f"{until} (expired)" if token["expired"] else until,
        "yes" if token["renewable"] else "no",
    ]
