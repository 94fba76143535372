"""``kubeauth convert-kubeconfig``: make kubeconfig users sign in with kubeauth."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import click

from kubeauth import _env
from kubeauth_plugin import diagnostics
from kubeauth_plugin.convert import Wish, unused_flags
from kubeauth_plugin.convert_files import convert_files
from kubeauth_plugin.convert_plan import Plan, Selection
from kubeauth_plugin.convert_report import as_diff, as_json, as_table
from kubeauth_plugin.flags import FLAGS, Flag, value_of
from kubeauth_plugin.kubeconfig import find_files
from kubeauth_plugin.options import sign_in_options

__all__ = ["command"]

# Of a thousand users that all lack the same flag, the first few say enough on stderr.
_REPORTED: Final = 5


class _Text(click.ParamType):  # type: ignore[type-arg]
    """A flag's value, checked but kept as it was typed, since it is to be written down."""

    def __init__(self, flag: Flag) -> None:
        self.flag, self.name = flag, flag.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            checked = value_of(self.flag, str(value)) if value else value
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(checked).lower() if isinstance(checked, bool) else str(value)


@click.command(
    "convert-kubeconfig",
    short_help="make kubeconfig users sign in with kubeauth",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--kubeconfig", metavar="FILE", help="this file instead of KUBECONFIG's")
@click.option(
    "--context", "contexts", multiple=True, metavar="NAME", help="only this context's user"
)
@click.option("--user", "users", multiple=True, metavar="NAME", help="only this user")
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="only this cluster's users"
)
@click.option("--azure-config-dir", metavar="FOLDER", help="azurecli: where az keeps its sign-in")
@click.option("--dry-run", is_flag=True, help="change nothing, only say what would be done")
@click.option("--diff", is_flag=True, help="show how the files change")
@click.option(
    "--strict", is_flag=True, help="change nothing at all when one user cannot be converted"
)
@click.option("--allow-empty", is_flag=True, help="succeed when there is nothing to convert")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", help="how to report"
)
@sign_in_options(without=("force-refresh",))
def command(**given: Any) -> None:
    """Make the users of a kubeconfig sign in with kubeauth.

    Converts users of the old azure auth-provider and of kubelogin, and users of kubeauth to another
    way to sign in. Values that are not given are taken from the old entry.
    """
    options = {flag.name: given[flag.field] for flag in FLAGS if given.get(flag.field) is not None}
    login = options.pop("login", "") or os.environ.get(_env.AAD_LOGIN_METHOD) or "devicecode"
    wish = Wish(login, options, azure_config_dir=given["azure_config_dir"] or "")
    for sentence in unused_flags(wish):
        diagnostics.warn(sentence)
    plan = convert_files(
        find_files(given["kubeconfig"], os.environ),
        Selection(given["contexts"], given["users"], given["clusters"]),
        wish,
        write=not given["dry_run"],
        strict=given["strict"],
    )
    _report(plan, given)
    _judge(plan, given)


for _parameter in command.params:
    for _flag in FLAGS:
        if _parameter.name == _flag.field:
            _parameter.type = _Text(_flag)


def _report(plan: Plan, given: dict[str, Any]) -> None:
    for warning in plan.warnings:
        diagnostics.warn(warning)
    if given["diff"]:
        out = sys.stderr if given["output"] == "json" else sys.stdout
        colour = out.isatty() and not os.environ.get("NO_COLOR")
        out.write(as_diff(plan.texts.values(), colour))
    print(as_json(plan.rows) if given["output"] == "json" else as_table(plan.rows))  # noqa: T201


def _judge(plan: Plan, given: dict[str, Any]) -> None:
    """Say what failed and exit with the first failure's code; raises NothingToConvert."""
    codes = [diagnostics.report(error) for error in plan.failures[:_REPORTED]]
    if len(plan.failures) > _REPORTED:
        diagnostics.warn(f"{len(plan.failures) - _REPORTED} more users failed; the report has all")
    if codes:
        click.get_current_context().exit(codes[0])
    if all(row.status == "skipped" for row in plan.rows) and not given["allow_empty"]:
        raise plan.nothing()
