"""``kubeauth get-token``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from kubeauth_plugin.get_token import hand_out
from kubeauth_plugin.options import sign_in_options
from kubeauth_plugin.output import say
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]


@click.command("get-token", cls=Sectioned)
@sign_in_options()
@click.option(
    "--explain",
    is_flag=True,
    help="print each value and where it came from, instead of signing in",
)
def command(explain: bool, **flags: Any) -> None:
    """Print an ExecCredential with a token for the API server.

    kubectl runs this command for each user that convert-kubeconfig has converted. Variables such as
    AAD_LOGIN_METHOD and AZURE_CLIENT_ID override flags, as in Azure/kubelogin.

    \b
    kubeauth get-token -l azurecli --server-id ID
    kubeauth get-token -l msi --server-id ID --explain
    """
    if explain:
        from kubeauth_plugin.explain import explain as explained

        say(explained(flags, dict(os.environ)).removesuffix("\n"))
        return
    hand_out(flags, sys.argv[1:])
