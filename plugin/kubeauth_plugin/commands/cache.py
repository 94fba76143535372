"""``kubeauth cache``."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from typing import Final

import click

from kubeauth.cache.location import cache_path
from kubeauth_plugin.cache_admin import kept
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.output import columns, say

__all__ = ["command"]

_COLUMNS: Final = ("login", "user", "server", "tenant", "until", "renewable")


@click.group("cache")
@logging_options
def command() -> None:
    """List the token cache."""


@command.command("list")
@click.option("--cache-dir", default="", metavar="FOLDER", help="folder of the cache")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table")
@logging_options
def list_command(cache_dir: str, output: str) -> None:
    """Show the user, API server and expiry of each cached token, but never the token."""
    path = cache_path(cache_dir, os.environ)
    rows = [] if path is None else _rows(path)
    if output == "json":
        say(json.dumps(rows, indent=2))
        return
    if not rows:
        say("the cache is empty")
        return
    head = [name.upper() for name in _COLUMNS]
    say(columns([head, *([row[name] for name in _COLUMNS] for row in rows)]))


def _rows(path: str) -> list[dict[str, str]]:
    rows = []
    for entry, renewable in kept(path):
        expiry = datetime.fromtimestamp(entry.kept.token.expires_on, timezone.utc)
        until = expiry.strftime("%Y-%m-%dT%H:%M:%SZ")
        expired = entry.kept.token.seconds_left(time.time()) <= 0
        about = {name: entry.about.get(name, "") for name in _COLUMNS[:4]}
        rows.append(
            {
                **about,
                "until": f"{until} (expired)" if expired else until,
                "renewable": "yes" if renewable else "no",
            }
        )
    return sorted(rows, key=lambda row: (row["login"], row["user"], row["server"]))
