"""``kubeauth help``."""

from __future__ import annotations

import click

from kubeauth_plugin.output import say

__all__ = ["command"]


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or of kubeauth.

    \b
    kubeauth help convert-kubeconfig
    kubeauth help cache list
    """
    outer = context.find_root()
    shown: click.Command = outer.command
    for word in words:
        if not isinstance(shown, click.Group):
            raise click.UsageError(f"{outer.command_path} has no commands", outer)
        name, found, _ = shown.resolve_command(outer, [word])
        if found is None:
            raise click.UsageError(f"there is no command {word!r}", outer)
        shown, outer = found, click.Context(found, parent=outer, info_name=name)
    say(shown.get_help(outer))
