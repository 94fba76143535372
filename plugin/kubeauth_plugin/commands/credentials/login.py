"""``kubeauth login``: sign in now, before kubectl needs a token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from kubeauth.jwt import whose
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin.diagnostics import naming_variables, warn
from kubeauth_plugin.explain import explain as explained
from kubeauth_plugin.explain import origins_in_kubeconfig
from kubeauth_plugin.options import explain_option, kubeconfig_options, sign_in_options
from kubeauth_plugin.output import say
from kubeauth_plugin.prompt import progress_line, prompt_for
from kubeauth_plugin.shell.help import Sectioned
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.trust.user import settings_of_user, user_flags

__all__ = ["command"]


@click.command("login", cls=Sectioned)
@kubeconfig_options
@explain_option
@sign_in_options()
def command(kubeconfig: str | None, context: str, user: str, explain: bool, **flags: Any) -> None:
    """Sign in now, before kubectl needs a token.

    Signs in as the user of the current context, or as the one that --context or --user names. With
    --server-id, uses the flags only. Flags win over the kubeconfig.

    \b
    kubeauth login
    kubeauth login --context prod --login-hint dana@contoso.example
    """
    sign_in, settings, environ = settings_of_user(
        {**flags, "kubeconfig": kubeconfig, "context": context, "user": user}
    )
    if explain:
        given = [name for name, value in flags.items() if value is not None]
        say(explained(settings, environ, origins_in_kubeconfig(sign_in, given)))
        return
    system = System(
        environ=environ,
        prompt=prompt_for(True),
        progress=progress_line(),
        purpose=sign_in.name,
        warn=warn,
    )
    with naming_variables(settings):
        token = provider_for(settings, system).get_token()
    until = datetime.fromtimestamp(token.expires_on).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    where = f" for {sign_in.name}" if sign_in.name else ""
    say(f"signed in as {whose(token.token)}{where}; the token is good until {until}")
    account = str(flags["login_hint"] or "")
    if (
        account
        and sign_in.name
        and account.lower() != str(sign_in.values.get("login_hint") or "").lower()
    ):
        words = ["kubeauth", "use", account, *user_flags(kubeconfig, context, user)]
        say(f"kubectl signs in there as before; to change that: {quoted(words)}")
