"""``kubeauth get-token``: print an ExecCredential for kubectl."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from kubeauth.errors import SettingsError
from kubeauth_plugin.get_token import hand_out
from kubeauth_plugin.options import (
    explain_option,
    kubeconfig_option,
    name_option,
    sign_in_options,
)
from kubeauth_plugin.output import say
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]


@click.command("get-token", cls=Sectioned)
@sign_in_options()
@kubeconfig_option
@name_option("context", "explain how this context's user signs in")
@explain_option
def command(explain: bool, kubeconfig: str | None, context: str, **flags: Any) -> None:
    """Print an ExecCredential with a token for the API server.

    kubectl runs this command for each user that convert-kubeconfig has converted. Variables such as
    AAD_LOGIN_METHOD and AZURE_CLIENT_ID override flags, as in Azure/kubelogin.

    \b
    kubeauth get-token -l azurecli --server-id ID
    kubeauth get-token --explain --context prod
    """
    named = bool(context or kubeconfig)
    if explain:
        say(_explained(flags, kubeconfig, context, of_context=named))
        return
    if named:
        raise SettingsError(
            "get-token: --context and --kubeconfig belong to --explain",
            hint="`kubeauth token` prints the token of a context",
        )
    hand_out(flags, sys.argv[1:])


def _explained(
    flags: Mapping[str, Any], kubeconfig: str | None, context: str, *, of_context: bool
) -> str:
    """Explain the sign-in of the flags alone, or of a context with the flags."""
    if of_context:
        from kubeauth_plugin.whoami.target import explained, find_target

        return explained(find_target(context, kubeconfig, flags, os.environ))
    from kubeauth.options.resolve import resolve
    from kubeauth_plugin.explain import explain

    return explain(resolve(flags, os.environ), os.environ)
