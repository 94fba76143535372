"""``kubeauth whoami``: show who you are for a cluster."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from kubeauth_plugin.options import context_options, explain_option, sign_in_options
from kubeauth_plugin.output import say
from kubeauth_plugin.shell.help import Sectioned
from kubeauth_plugin.whoami.account import as_json, as_lines, sign_in
from kubeauth_plugin.whoami.target import explained, find_target

__all__ = ["command"]


@click.command("whoami", cls=Sectioned)
@context_options
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="how to print it"
)
@explain_option
@sign_in_options()
def command(kubeconfig: str | None, context: str, output: str, explain: bool, **flags: Any) -> None:
    """Show who you are for a cluster, and who its API server says you are.

    Uses the current context, or --context. With --server-id, uses the flags only. It signs in if
    there is no fresh token.

    \b
    kubeauth whoami
    kubeauth whoami --context prod -o json
    """
    target = find_target(context, kubeconfig, flags, os.environ)
    if explain:
        say(explained(target))
        return
    found = as_json(sign_in(target))
    say(json.dumps(found, indent=2) if output == "json" else as_lines(found))
