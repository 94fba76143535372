"""Turn the table of flags into click options."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

import click

from kubeauth import _env
from kubeauth.options.flags import value_of
from kubeauth.options.settings import FLAGS, Flag
from kubeauth.options.variables import known_variables

__all__ = [
    "completing",
    "context_options",
    "explain_option",
    "keep_as_typed",
    "kubeconfig_option",
    "kubeconfig_options",
    "logging_options",
    "name_option",
    "sign_in_options",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_Function = TypeVar("_Function", bound=Callable[..., Any])

# From this level on, -v shows everything kubeauth logs (Azure/kubelogin's users know -v 5 to 9).
_DEBUG_FROM = 2


# Variables that other code than the table of variables reads.
_MORE_VARIABLES: Final = {
    "login": (_env.AAD_LOGIN_METHOD,),
    "cache-dir": (_env.KUBEAUTH_CACHE_DIR, _env.KUBECACHEDIR),
    "ca-file": _env.CA_FILES,
}


class _FlagType(click.ParamType):  # type: ignore[type-arg]
    """Reads a value by its row in the table of flags."""

    def __init__(self, flag: Flag) -> None:
        self.flag = flag
        self.name = flag.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return value_of(self.flag, value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete a login, a cloud, a file or a folder."""
        from kubeauth.clouds import CLOUD_NAMES
        from kubeauth.options.logins import LOGINS
        from kubeauth_plugin.shell.completion import matching, path

        if self.flag.metavar in ("FILE", "FOLDER"):
            return path("file" if self.flag.metavar == "FILE" else "dir", incomplete)
        names = {"login": tuple(LOGINS), "environment": CLOUD_NAMES}.get(self.flag.name, ())
        return matching(names, incomplete)


class _TypedText(_FlagType):
    """Checks a flag's value but keeps it as it was typed, since it is to be written down."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        checked = super().convert(value, param, ctx) if value else value
        return str(checked).lower() if isinstance(checked, bool) else str(value)


class _Number(click.ParamType):  # type: ignore[type-arg]
    """Reads a number, also in the form of Go's short flags (``-v=5``)."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return int(str(value).removeprefix("="))
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)


def sign_in_options(without: Collection[str] = ()) -> Callable[[_Function], _Function]:
    """Return a decorator that adds every flag of the table, except those named ``without``.

    click passes each value as a keyword named like the field of Settings; None if not given.
    """

    def decorate(function: _Function) -> _Function:
        for flag in reversed(FLAGS):
            if flag.name not in without:
                function = _option(flag)(function)
        return logging_options(function)

    return decorate


def keep_as_typed(command: click.Command) -> None:
    """Make a command receive the values of its sign-in flags as text, as they were typed."""
    flags = {flag.field: flag for flag in FLAGS}
    for parameter in command.params:
        if isinstance(parameter.type, _FlagType):
            parameter.type = _TypedText(flags[str(parameter.name)])


def _option(flag: Flag) -> Callable[[_Function], _Function]:
    names = [f"--{flag.name}", *(f"--{alias}" for alias in flag.aliases)]
    if flag.short:
        names.insert(0, f"-{flag.short}")
    # Go's flags accept `--legacy` and `--legacy=false`, so the value is optional.
    optional: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if flag.kind is bool else {}
    metavar = "" if flag.kind is bool else flag.metavar
    return click.option(
        *names, flag.field, type=_FlagType(flag), help=_help(flag), metavar=metavar, **optional
    )


def _help(flag: Flag) -> str:
    """Return the help of a flag, with the variables that set it, too."""
    rows = [row for row, terraform in known_variables() if not terraform]
    names = [row.name for row in rows if row.field == flag.field]
    names += _MORE_VARIABLES.get(flag.name, ())
    return f"{flag.help} [{', '.join(dict.fromkeys(names))}]" if names else flag.help


def completing(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes a "file", or one of the "contexts", "clusters" or "users"."""

    def complete(ctx: click.Context, _: click.Parameter, unfinished: str) -> list[CompletionItem]:
        from kubeauth_plugin.shell.completion import names_of, path

        if what == "file":
            return path(what, unfinished)
        return names_of(what, ctx.params.get("kubeconfig"), unfinished)

    return complete


def kubeconfig_option(function: _Function) -> _Function:
    """Add the flag that names a kubeconfig."""
    return click.option(
        "--kubeconfig",
        metavar="FILE",
        help="this file instead of KUBECONFIG's",
        shell_complete=completing("file"),
    )(function)


def name_option(
    kind: str, help_text: str, *, multiple: bool = False
) -> Callable[[_Function], _Function]:
    """Return a decorator that adds the flag for a "context", a "user" or a "cluster" by its name.

    click passes a list, by the plural of ``kind``, if the flag may be given ``multiple`` times.
    """
    several: dict[str, Any] = {"multiple": True} if multiple else {"default": ""}
    return click.option(
        f"--{kind}",
        f"{kind}s" if multiple else kind,
        metavar="NAME",
        help=help_text,
        shell_complete=completing(f"{kind}s"),
        **several,
    )


def context_options(function: _Function) -> _Function:
    """Add the flags that name one context of a kubeconfig."""
    return kubeconfig_option(name_option("context", "this context's user")(function))


def kubeconfig_options(function: _Function) -> _Function:
    """Add the flags that name one user of a kubeconfig."""
    return context_options(name_option("user", "this user")(function))


def explain_option(function: _Function) -> _Function:
    """Add the flag that explains a sign-in instead of making it."""
    return click.option(
        "--explain",
        is_flag=True,
        help="print each value and where it came from, instead of signing in",
    )(function)


def logging_options(function: _Function) -> _Function:
    """Add ``-v N``. Accept ``--logtostderr`` and ignore it: the log always goes to stderr."""
    verbosity = click.option(
        "-v",
        "--v",
        "verbosity",
        type=_Number(),
        metavar="N",
        expose_value=False,
        is_eager=True,
        callback=_configure_logging,
        help="log to stderr: 1 for each step, 2 and up for every detail (never secrets)",
    )
    ignored = click.option(
        "--logtostderr", is_flag=False, flag_value="true", expose_value=False, hidden=True
    )
    return ignored(verbosity(function))


def _configure_logging(_ctx: click.Context, _param: click.Parameter, value: int | None) -> None:
    """Send kubeauth's own log to stderr.

    NOTE: leave out MSAL's log: on level DEBUG it holds authorization codes and device codes.
    """
    if value is None or value < 1:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    for name in ("kubeauth", "kubeauth_plugin"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if value >= _DEBUG_FROM else logging.INFO)
