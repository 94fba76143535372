"""``kubeauth get-token``."""

from __future__ import annotations

import sys
from typing import Any

import click

from kubeauth_plugin.get_token import hand_out
from kubeauth_plugin.options import sign_in_options

__all__ = ["command"]


@click.command("get-token")
@sign_in_options()
def command(**flags: Any) -> None:
    """Print an ExecCredential with a token for the API server.

    kubectl runs this by itself, for users that convert-kubeconfig has converted. Variables such as
    AAD_LOGIN_METHOD and AZURE_CLIENT_ID override flags, as they do in Azure/kubelogin.
    """
    hand_out(flags, sys.argv[1:])
