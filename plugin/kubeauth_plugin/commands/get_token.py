"""``kubeauth get-token``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from kubeauth_plugin.get_token import get_token, parked_stdout
from kubeauth_plugin.options import sign_in_options

__all__ = ["command"]


@click.command("get-token")
@sign_in_options()
def command(**flags: Any) -> None:
    """Print an ExecCredential with a token for the API server.

    kubectl runs this by itself, for users that convert-kubeconfig has converted. Variables such as
    AAD_LOGIN_METHOD and AZURE_CLIENT_ID override flags, as they do in Azure/kubelogin.
    """
    with parked_stdout() as stdout:
        credential = get_token(flags, sys.argv[1:])
        _write(stdout, credential)


def _write(descriptor: int, content: bytes) -> None:
    """Write all of it, once; a reader that is gone wants nothing any more."""
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except BrokenPipeError:
        raise click.exceptions.Exit(1) from None
