"""``kubeauth trust``: approve what a kubeconfig would run or send."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import click

from kubeauth.errors import InteractionRequired, SignInCancelled
from kubeauth.kubeconfig.approvals import approve, approved, unapproved, withdraw
from kubeauth.kubeconfig.entry import UserSignIn, find_sign_in
from kubeauth.kubeconfig.trust import Demand, demands, variables_that_count
from kubeauth.options.resolve import resolve
from kubeauth_plugin.options import kubeconfig_options, logging_options
from kubeauth_plugin.output import columns, say
from kubeauth_plugin.prompt import is_terminal
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.trust.strict import read_caller
from kubeauth_plugin.trust.user import user_flags

__all__ = ["command"]

_PASSWORD: Final = re.compile(r"(://[^\s/?#@:]*:)[^\s/?#@]*@")


@click.command("trust")
@kubeconfig_options
@click.option("--yes", is_flag=True, help="approve without asking, as in a script")
@click.option("--list", "listing", is_flag=True, help="list what was approved, and change nothing")
@click.option("--remove", is_flag=True, help="take back what was approved for this user")
@logging_options
def command(
    kubeconfig: str | None, context: str, user: str, yes: bool, listing: bool, remove: bool
) -> None:
    """Show what a kubeconfig would have kubeauth run or send, and approve exactly that.

    Only needed where kuberc has a policy for credential plugins or KUBEAUTH_STRICT is set, and for
    Python programs that read a kubeconfig. Any change of what was approved needs a new approval.

    \b
    kubeauth trust --context prod
    kubeauth trust --list
    """
    if listing:
        for line in _listed():
            say(line)
        return
    sign_in = find_sign_in(context, user, kubeconfig, os.environ)
    asked = _asked(sign_in)
    if not asked:
        say(f"{sign_in.name} needs no approval: it runs no program and redirects no secret")
        return
    if remove:
        count = withdraw({demand.digest: demand for demand in asked}.values(), os.environ)
        say(f"{sign_in.name}: {count} approval{'' if count == 1 else 's'} removed")
        return
    fresh = unapproved(asked, os.environ)
    say(f"{sign_in.name} of the kubeconfig asks for this:")
    for demand in asked:
        note = "" if demand in fresh else " (approved)"
        say(f"  {demand.what} {demand.effect}{note}:")
        for name, value in demand.exactly:
            say(f"    {name} {_shown(value)}")
    if not fresh:
        say("all of it is approved")
        return
    _ask(yes, user_flags(kubeconfig, context, user))
    approve(fresh, sign_in.name, os.environ, time.time())
    say("approved; any change of it will need another approval")


def _asked(sign_in: UserSignIn) -> list[Demand]:
    """Return what a user asks for, whichever secrets are set today."""
    environ, values, variables = os.environ, sign_in.values, sign_in.environ
    settings = resolve(values, {**environ, **variables_that_count(variables)})
    asked = demands(values, variables, environ, settings, possible=True)
    if read_caller() is None:  # the plugin cannot tell these variables from others here
        known = {demand.digest for demand in asked}
        blind = demands(values, {}, {}, resolve(values, environ), possible=True)
        asked += [demand for demand in blind if demand.digest not in known]
    return asked


def _ask(yes: bool, words: Sequence[str]) -> None:
    """Return if the person agrees; raises InteractionRequired where nobody can be asked."""
    if yes:
        return
    if not is_terminal(sys.stdin):
        again = quoted(["kubeauth", "trust", *words, "--yes"])
        raise InteractionRequired(
            "trust: kubeauth cannot ask you here, since stdin is not a terminal",
            hint=f"if you want all of this, approve it with `{again}`",
        )
    if not click.confirm("approve exactly this?", err=True):
        raise SignInCancelled(
            "trust: not approved", hint="take out of the kubeconfig what you do not want"
        )


def _shown(value: str) -> str:
    """Return a value whole, since the person decides about it, but without a proxy's password."""
    return repr(_PASSWORD.sub(r"\1***@", value))


def _listed() -> Iterator[str]:
    rows = [
        (datetime.fromtimestamp(one.given_on).astimezone().strftime("%Y-%m-%d %H:%M"), one.context)
        for one in approved(os.environ)
    ]
    yield columns([("APPROVED", "FOR"), *rows]) if rows else "nothing is approved"
