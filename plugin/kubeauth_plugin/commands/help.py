"""``kubeauth help``: show the help of a command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import click

from kubeauth_plugin.output import say

__all__ = ["GENERAL", "command"]

_CODE: Final = re.compile(r"(?:AADSTS)?(\d+)", re.IGNORECASE)
# Exit codes have at most three digits, codes of Entra ID at least five.
_SHORTEST: Final = 5
# What stands in a hint's braces where no login is known: here, and in docs/errors.md.
GENERAL: Final = {
    "way": "use another login: `-l interactive`, or `az login` and `-l azurecli`",
    "again": "sign in again",
    "secret": "--client-secret",
    "public": "allow public client flows for the application, or give `--client-secret` or a "
    "certificate",
    "client": "CLIENT-ID",
    "tenant": "TENANT",
    "server": "SERVER-ID",
}
# Those that belong to no error of the library.
_OTHERS: Final = {
    1: "a failure that kubeauth does not know; please report its two lines",
    11: "`kubeauth doctor` found something",
    130: "interrupted with Ctrl-C",
}


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND|CODE]...")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or what a code means.

    A code is one of Entra ID's or an exit code of kubeauth.

    \b
    kubeauth help convert-kubeconfig
    kubeauth help AADSTS50076
    kubeauth help 7
    """
    code = _CODE.fullmatch(words[0]) if len(words) == 1 else None
    if code is not None:
        say("\n".join(_meaning(code[1])))
        return
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


def _meaning(number: str) -> Iterator[str]:
    """Yield cause and next step of a code; raises click.UsageError for one that is not known."""
    if len(number) < _SHORTEST:
        yield from _exit_code(int(number))
        return
    from kubeauth.providers._entra.hints import find_hint

    # No code has more digits.
    hint = find_hint(int(number[:12]))
    if hint is None:
        yield f"kubeauth has no advice for AADSTS{number}"
        yield f"Entra ID's own words: https://login.microsoftonline.com/error?code={number}"
        return
    yield f"AADSTS{number}: {hint.cause}".format(**GENERAL)
    yield f"  {hint.step}".format(**GENERAL)
    for logins, step in hint.instead.items():
        yield f"  {', '.join(logins.split())}: {step}".format(**GENERAL)
    anchor = next((code for code in hint.codes if number.startswith(str(code))), hint.codes[0])
    yield f"docs/errors.md#aadsts{anchor}"


def _exit_code(number: int) -> Iterator[str]:
    from kubeauth_plugin.diagnostics import EXIT_CODES

    kind = next((kind for kind, code in EXIT_CODES if code == number), None)
    if kind is not None:
        yield f"exit code {number}, {kind.__name__}: {(kind.__doc__ or '').splitlines()[0]}"
    elif number in _OTHERS:
        yield f"exit code {number}: {_OTHERS[number]}"
    else:
        raise click.UsageError(f"there is no error with the exit code {number}")
    yield f"docs/errors.md#exit-{number}"
