"""``kubeauth token-file``: keep a token fresh in a file."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import click

from kubeauth.errors import SettingsError
from kubeauth.record import replace
from kubeauth.system import System
from kubeauth_plugin.diagnostics import TokenFileError, naming_variables, warn
from kubeauth_plugin.options import (
    completing,
    explain_option,
    kubeconfig_options,
    sign_in_options,
)
from kubeauth_plugin.shell.help import Sectioned
from kubeauth_plugin.token_file.file import TokenFile, owner_of, read_mode

__all__ = ["command"]


@click.command(
    "token-file",
    cls=Sectioned,
    context_settings={"help_option_names": ["-h", "--help"], "allow_interspersed_args": False},
)
@click.option(
    "--output",
    "path",
    required=True,
    metavar="FILE",
    help="the file to keep",
    shell_complete=completing("file"),
)
@click.option("--once", is_flag=True, help="write one token and end")
@click.option(
    "--check",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="do not sign in; succeed if the file's token is valid for so long",
)
@click.option(
    "--exec",
    "runs",
    is_flag=True,
    help="start the command that follows once the token is there, and end with it",
)
@click.option("--mode", default="0600", metavar="MODE", help="permissions of the file (0600)")
@click.option("--owner", metavar="USER", help="owner of the file, a name or a number")
@click.option("--group", metavar="GROUP", help="group of the file, a name or a number")
@kubeconfig_options
@explain_option
@sign_in_options(without=("force-refresh", "pop-enabled", "pop-claims"))
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
def command(
    path: str,
    once: bool,
    check: float | None,
    runs: bool,
    mode: str,
    owner: str | None,
    group: str | None,
    program: tuple[str, ...],
    explain: bool,
    **flags: Any,
) -> None:
    """Keep a token fresh in a file, for programs that cannot run a plugin.

    Signs in as `kubeauth login` does: as the user of the current context, of --context or of
    --user; with --server-id, by the flags only. Renews the token ahead of its end, for ever.

    \b
    kubeauth token-file --output ~/.kube/prod.token --context prod
    kubeauth token-file --output /token/azure --check 60
    kubeauth token-file --output /token/t --server-id ID -l msi --exec prometheus
    """
    if explain:
        _explain(flags)
        return
    if check is not None:
        _check(TokenFile(path), check)
        return
    if bool(program) != runs or (runs and once):
        raise SettingsError(
            "token-file: --exec and a command belong together, and --once has none",
            hint="write --exec COMMAND at the end",
        )
    if os.name == "nt" and (owner or group or mode != "0600"):
        raise SettingsError(
            "token-file: Windows has no --mode, --owner and --group",
            hint="choose a folder that only the reader's user may open",
        )
    file = TokenFile(
        path,
        read_mode(mode),
        owner_of(owner) if owner else -1,
        owner_of(group, group=True) if group else -1,
    )
    code = _keep(file, flags, program, once=once)
    click.get_current_context().exit(code)


def _explain(flags: dict[str, Any]) -> None:
    from kubeauth_plugin.explain import explain, origins_in_kubeconfig
    from kubeauth_plugin.output import say
    from kubeauth_plugin.trust.user import settings_of_user

    user, settings, environ = settings_of_user(flags)
    given = [name for name, value in flags.items() if value is not None]
    say(explain(settings, environ, origins_in_kubeconfig(user, given)))


def _check(file: TokenFile, seconds: float) -> None:
    left = file.seconds_left(time.time())
    if left < seconds:
        state = f"is good for {left:.0f} s only" if left > 0 else f"expired {-left:.0f} s ago"
        raise TokenFileError(
            f"token-file: the token in {file.path} {state}",
            hint="look at what `kubeauth token-file` says on stderr, where it keeps this file",
        )


def _keep(file: TokenFile, flags: dict[str, Any], program: tuple[str, ...], *, once: bool) -> int:
    """Keep the file until a signal or the program's end; return the exit code."""
    from kubeauth.providers.base import provider_for
    from kubeauth_plugin.prompt import progress_line, prompt_for
    from kubeauth_plugin.token_file.child import Child, Stopped, stop_on_signals
    from kubeauth_plugin.token_file.keep import Keeper
    from kubeauth_plugin.trust.user import settings_of_user

    user, settings, environ = settings_of_user(flags)
    if settings.pop_enabled:
        raise SettingsError(
            "token-file: proof of possession signs each request, which a file cannot do",
            hint="use kubectl with the plugin for this user, or another user",
        )
    system = System(
        environ=environ,
        prompt=prompt_for(True),
        progress=progress_line(),
        purpose=user.name,
        warn=warn,
        owns_process=True,
    )
    # After the first token nobody may be there: a renewal must not wait for a person.
    alone = replace(system, prompt=None, progress=None)
    keeper = Keeper(file, provider_for(settings, system), system, _say)
    try:
        stop_on_signals()
        with naming_variables(settings):
            keeper.first(waits=not once)
        if once:
            return 0
        if program:
            alone = replace(alone, sleep=Child(program).sleep)
        # The keeper has the old token itself, and says why there is no new one.
        renewing = replace(settings, force_refresh=True)
        keeper.run(provider_for(renewing, alone), alone)
    except Stopped as stopped:
        return stopped.code
    return 0


def _say(text: str) -> None:
    """Print a line about the file to stderr; stdout belongs to the program of --exec."""
    print(f"token-file: {text}", file=sys.stderr, flush=True)  # noqa: T201
