"""``kubeauth use``: choose the account of a kubeconfig user."""

from __future__ import annotations

import glob
import os

import click

from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.entry import find_sign_in, read_kubeconfigs
from kubeauth.kubeconfig.files import find_files
from kubeauth.options.logins import LOGINS
from kubeauth.options.take_over import entry_fields
from kubeauth_plugin import diagnostics
from kubeauth_plugin.convert.command import command_for_kubectl
from kubeauth_plugin.convert.files import convert_files
from kubeauth_plugin.convert.plan import Selection
from kubeauth_plugin.convert.request import ConvertRequest
from kubeauth_plugin.options import kubeconfig_options, logging_options
from kubeauth_plugin.output import harmless, say

__all__ = ["command"]


@click.command("use")
@click.argument("account", metavar="ACCOUNT")
@kubeconfig_options
@logging_options
def command(account: str, kubeconfig: str | None, context: str, user: str) -> None:
    """Have a kubeconfig user sign in as this account (a user principal name).

    Writes --login-hint into the user of the current context, or of the one that --context or --user
    names. Each account keeps a session of its own, so switching back needs no new sign-in.

    \b
    kubeauth use dana@contoso.example
    kubeauth use admin@contoso.example --context prod
    """
    sign_in = find_sign_in(context, user, kubeconfig, os.environ)
    login = LOGINS[sign_in.values.get("login") or "devicecode"]
    if "login_hint" not in entry_fields(login):
        raise SettingsError(
            f"{sign_in.name}: login {login.name} takes no account",
            hint=f"`{tool}` chooses its account"
            if (tool := login.sign_in_command())
            else "devicecode, interactive and auto do: convert it first",
        )
    files = find_files(kubeconfig, os.environ)
    if not user:
        merged = read_kubeconfigs(kubeconfig, os.environ)
        user = merged.contexts[context or merged.current_context].user
    selection = Selection(users=(glob.escape(user),))
    request = ConvertRequest(
        "",
        {"login_hint": account},
        command=command_for_kubectl("auto", os.environ, diagnostics.warn),
        keep_command=True,
    )
    found = convert_files(files, selection, request, write=False)
    if any(not row.before.startswith("kubeauth ") for row in found.rows):
        raise SettingsError(
            f"{sign_in.name}: its user is not kubeauth's yet",
            hint="run `kubeauth convert-kubeconfig` first",
        )
    plan = convert_files(files, selection, request, write=True)
    if codes := [diagnostics.report(error) for error in plan.failures]:
        click.get_current_context().exit(codes[0])
    say(f"{harmless(sign_in.name)}: kubectl signs in as {harmless(account)} from now on")
