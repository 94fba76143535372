"""``kubeauth token``: print the token for a cluster, or its claims."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from kubeauth.jwt import claims_of
from kubeauth_plugin.diagnostics import warn
from kubeauth_plugin.options import context_options, explain_option, sign_in_options
from kubeauth_plugin.output import say
from kubeauth_plugin.prompt import is_terminal
from kubeauth_plugin.shell.help import Sectioned
from kubeauth_plugin.whoami.account import sign_in
from kubeauth_plugin.whoami.facts import with_dates
from kubeauth_plugin.whoami.target import explained, find_target

__all__ = ["command"]


@click.command("token", cls=Sectioned)
@context_options
@click.option("--decode", is_flag=True, help="print the token's claims instead of the token")
@explain_option
@sign_in_options()
def command(
    kubeconfig: str | None, context: str, decode: bool, explain: bool, **flags: Any
) -> None:
    """Print the token for a cluster, for curl and the like.

    Uses the current context, or --context. With --server-id, uses the flags only. --decode reads
    the claims on this machine, and shows times as dates.

    \b
    curl -H "Authorization: Bearer $(kubeauth token)" https://SERVER/version
    kubeauth token --context prod
    kubeauth token --decode
    """
    target = find_target(context, kubeconfig, flags, os.environ)
    if explain:
        say(explained(target))
        return
    account = sign_in(target)
    if decode:
        say(json.dumps(with_dates(claims_of(account.token)), indent=2))
        return
    if is_terminal(sys.stdout):
        warn("anybody who has this token can act as you until it expires: do not share it")
    say(account.presented)
