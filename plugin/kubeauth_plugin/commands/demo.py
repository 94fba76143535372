"""``kubeauth demo``."""

from __future__ import annotations

import sys
from typing import Final

import click

from kubeauth_plugin.demo.run import play
from kubeauth_plugin.options import logging_options

__all__ = ["command"]

# How long a person gets to type a code: time enough at a terminal, none where nobody looks.
_WAIT_FOR_PERSON: Final = 60.0
_WAIT_FOR_NOBODY: Final = 2.0


@click.command("demo")
@click.option("-l", "--login", default="spn", metavar="MODE", help="how to sign in (spn)")
@logging_options
def command(login: str) -> None:
    """Watch the real kubectl sign in to a simulated cluster.

    Starts an Entra ID, an instance metadata service and an API server on this machine, converts two
    kubeconfigs, and runs kubectl against them. Needs no Azure and changes nothing of yours.
    """
    someone = sys.stdin is not None and sys.stdin.isatty()
    play(login, _WAIT_FOR_PERSON if someone else _WAIT_FOR_NOBODY, click.echo)
