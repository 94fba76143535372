"""``kubeauth completion``: print the completion of a shell."""

from __future__ import annotations

import click

from kubeauth_plugin.output import say
from kubeauth_plugin.shell.completion import SHELLS, script

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion of a shell: commands, flags, logins, clouds, contexts and users.

    \b
    bash:  echo 'source <(kubeauth completion bash)' >> ~/.bashrc
    zsh:   echo 'source <(kubeauth completion zsh)' >> ~/.zshrc
    fish:  kubeauth completion fish > ~/.config/fish/completions/kubeauth.fish

    `kubectl kubeauth` is completed by kubectl's own completion.
    """
    from kubeauth_plugin.cli import COMPLETE

    say(script(shell, COMPLETE, context.find_root().command))
