"""The command line: load a command, run it, and turn its failure into lines and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from kubeauth.errors import SettingsError, did_you_mean
from kubeauth_plugin import diagnostics
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.shell.called import ALIAS, called_by_alias

__all__ = ["COMPLETE", "kubeauth", "run"]

# Name -> module with a `command`, and its line in the help (so that help imports none of them).
_COMMANDS: Final = {
    "get-token": ("credentials.get_token", "print an ExecCredential for kubectl"),
    "get-credentials": ("kubeconfigs.get_credentials", "fetch an AKS cluster into the kubeconfig"),
    "clusters": ("kubeconfigs.clusters", "list AKS clusters"),
    "convert-kubeconfig": (
        "kubeconfigs.convert_kubeconfig",
        "make kubeconfig users sign in with kubeauth",
    ),
    "login": ("credentials.login", "sign in now, before kubectl needs a token"),
    "use": ("kubeconfigs.use", "choose the account of a kubeconfig user"),
    "logout": ("credentials.logout", "delete the tokens and the session of a user"),
    "token-file": ("credentials.token_file", "keep a token fresh in a file"),
    "doctor": ("doctor", "find out why kubectl cannot sign in"),
    "whoami": ("whoami", "show who you are for a cluster"),
    "token": ("credentials.token", "print the token for a cluster, or its claims"),
    "trust": ("kubeconfigs.trust", "approve what a kubeconfig would run or send"),
    "cache": ("credentials.cache", "list the token cache"),
    "remove-cache-dir": ("credentials.remove_cache_dir", "delete every cached token"),
    "alias": ("alias", "add the name kubelogin for this program"),
    "completion": ("completion", "print the completion of a shell"),
    "demo": ("demo", "watch kubectl sign in to a simulated cluster"),
    "help": ("help", "show the help of a command"),
    "version": ("version", "print the versions that a bug report needs"),
}
# The shell sets it when it asks for completions; click's name for it.
COMPLETE: Final = "_KUBEAUTH_COMPLETE"
_OLD_NAMES: Final = {"remove-tokens": "remove-cache-dir"}


class _UnknownCommand(click.UsageError):
    """A command that does not exist; ``name`` is what was typed."""

    def __init__(self, name: str, context: click.Context) -> None:
        super().__init__(f"there is no command {name!r}", context)
        self.name = name


class _LazyGroup(click.Group):
    """Imports a command when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(_OLD_NAMES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module = importlib.import_module(f"kubeauth_plugin.commands.{entry[0]}")
        command: click.Command = module.command
        command.short_help = entry[1]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; raises UnknownCommand."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise _UnknownCommand(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[1]) for name, entry in _COMMANDS.items()])


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib import metadata  # its import takes a fifth of a command's start

        version = f"kubeauth {metadata.version('kubeauth')}"
        click.echo(f"{ALIAS}, which is {version}" if called_by_alias() else version)
        context.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@logging_options
def kubeauth() -> None:
    """kubectl signs in to clusters that trust Entra ID."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line (by default ``sys.argv``) and return its exit code; never raise."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if COMPLETE in os.environ:
        from kubeauth_plugin.shell.completion import answer_shell

        return answer_shell(kubeauth, os.environ[COMPLETE])
    status = 0

    def work() -> None:
        nonlocal status
        try:
            # kubeauth.main() would print a line of its own after Ctrl-C.
            with kubeauth.make_context("kubeauth", arguments) as context:
                kubeauth.invoke(context)
        except click.exceptions.Exit as stop:
            status = stop.exit_code
        except click.UsageError as error:
            status = _report_usage(error)
        except click.Abort:
            raise KeyboardInterrupt from None

    return diagnostics.guarded(work) or status


def _report_usage(error: click.UsageError) -> int:
    """Print an error in the command line and return the exit code.

    NOTE: do not repeat an unexpected argument: after a stray blank it may be a secret.
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    path = error.ctx.command_path if error.ctx else "kubeauth"
    text = error.format_message().rstrip(".")
    if "unexpected extra argument" in text:
        text = "an argument does not belong to a flag"
    hint = f"see `{path} --help`"
    if isinstance(error, _UnknownCommand):
        hint = did_you_mean(error.name, _COMMANDS) + hint
    return diagnostics.report(SettingsError(f"{path}: {text}", hint=hint))
