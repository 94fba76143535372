"""``kubeauth demo``: watch kubectl sign in to a simulated cluster."""

from __future__ import annotations

import sys
from typing import Final

import click

from kubeauth_plugin.demo.run import play
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.prompt import is_terminal

__all__ = ["command"]

# Seconds to wait for a person to type a code: at a terminal, and without one.
_WAIT_FOR_PERSON: Final = 60.0
_WAIT_WITHOUT_PERSON: Final = 2.0


@click.command("demo")
@click.option("-l", "--login", default="spn", metavar="MODE", help="how to sign in (spn)")
@logging_options
def command(login: str) -> None:
    """Watch the real kubectl sign in to a simulated cluster.

    Starts a simulated Entra ID, instance metadata service and API server on this machine, converts
    two kubeconfigs, and runs kubectl with them. Needs no Azure account and leaves your files alone.

    \b
    kubeauth demo
    kubeauth demo --login devicecode
    """
    has_person = is_terminal(sys.stdin)
    play(login, _WAIT_FOR_PERSON if has_person else _WAIT_WITHOUT_PERSON, click.echo)
