"""``kubeauth convert-kubeconfig``: make kubeconfig users sign in with kubeauth."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from kubeauth import _env
from kubeauth.errors import KubeauthError
from kubeauth.kubeconfig.files import Kubeconfig, find_files
from kubeauth.options.logins import find_login
from kubeauth.options.settings import FLAGS
from kubeauth_plugin import diagnostics
from kubeauth_plugin.convert.approval import approve_typed
from kubeauth_plugin.convert.command import CHOICES, command_for_kubectl
from kubeauth_plugin.convert.files import convert_files
from kubeauth_plugin.convert.plan import Plan, Selection
from kubeauth_plugin.convert.report import (
    DRY_RUN,
    as_diff,
    as_json,
    as_json_lines,
    as_lines,
    as_table,
)
from kubeauth_plugin.convert.request import (
    KUBEAUTH,
    TARGETS,
    V1,
    V1BETA1,
    ConvertRequest,
    request_warnings,
)
from kubeauth_plugin.convert.token_file import TOKEN_FILE, TargetType
from kubeauth_plugin.convert.undo.run import undo
from kubeauth_plugin.options import (
    keep_as_typed,
    kubeconfig_option,
    name_option,
    sign_in_options,
)
from kubeauth_plugin.output import say
from kubeauth_plugin.prompt import is_terminal
from kubeauth_plugin.shell.called import ALIAS, called_by_alias
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]

# If a thousand users lack the same flag, the first few errors are enough on stderr.
_REPORTED: Final = 5
_VERSIONS: Final = {"v1beta1": V1BETA1, "v1": V1}


@click.command(
    "convert-kubeconfig",
    cls=Sectioned,
    short_help="make kubeconfig users sign in with kubeauth",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@kubeconfig_option
@name_option("context", "only this context's user", multiple=True)
@name_option("user", "only this user", multiple=True)
@name_option("cluster", "only this cluster's users", multiple=True)
@click.option("--azure-config-dir", metavar="FOLDER", help="azurecli: where az keeps its sign-in")
@click.option(
    "--command",
    "program",
    type=click.Choice(CHOICES),
    help="what kubectl runs; auto: the bare name if PATH finds this program, else its path",
)
@click.option(
    "--exec-api-version", type=click.Choice(tuple(_VERSIONS)), help="version of the exec interface"
)
@click.option(
    "--install-hint", metavar="TEXT", help="text that kubectl prints if kubeauth is missing"
)
@click.option(
    "--to",
    type=TargetType(tuple(TARGETS)),
    default=lambda: ALIAS if called_by_alias() else KUBEAUTH.name,
    help="write for this program; kubelogin undoes a migration; token-file: a file that "
    "`kubeauth token-file` keeps, instead of a program",
)
@click.option(
    "--backup",
    is_flag=True,
    help="keep a copy of each changed file beside it; --undo puts it back whole",
)
@click.option(
    "--undo",
    "take_back",
    is_flag=True,
    help="put back the users that the last conversion changed; takes --context, --dry-run, --diff",
)
@click.option("--dry-run", is_flag=True, help="change nothing, only report")
@click.option("--diff", is_flag=True, help="show the changes to the files")
@click.option("--strict", is_flag=True, help="change nothing if any user cannot be converted")
@click.option("--allow-empty", is_flag=True, help="succeed when there is nothing to convert")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", help="how to report"
)
@sign_in_options(without=("force-refresh",))
def command(**given: Any) -> None:
    """Make the users of a kubeconfig sign in with kubeauth.

    Converts users of the old azure auth-provider, of kubelogin and of kubeauth. Without --login,
    each user keeps its login; the auth-provider's is devicecode. Values that are not given are
    taken from the old entry.

    \b
    kubeauth convert-kubeconfig --dry-run --diff
    kubeauth convert-kubeconfig -l azurecli --context prod
    """
    files = find_files(given["kubeconfig"], os.environ)
    selection = Selection(given["contexts"], given["users"], given["clusters"])
    if given["take_back"]:
        _take_back(files, selection, given)
        return
    request = _request(given)
    if request.login:
        for sentence in request_warnings(request):
            diagnostics.warn(sentence)
    plan = convert_files(
        files,
        selection,
        request,
        write=not given["dry_run"],
        strict=given["strict"],
        backup=given["backup"],
    )
    _report(plan, given)
    if not given["dry_run"] and request.target is KUBEAUTH:
        try:
            approve_typed(plan, request, os.environ)
        except KubeauthError as error:  # without a policy it is not needed
            diagnostics.warn(f"{error}; `kubeauth trust` can approve what you typed later")
    _judge(plan, given)


def _request(given: dict[str, Any]) -> ConvertRequest:
    """Make the request; warn of what kubectl would refuse."""
    typed = {flag.field: given[flag.field] for flag in FLAGS if given.get(flag.field) is not None}
    login = typed.pop("login", "") or _default_login(os.environ)
    if called_by_alias():  # as Azure/kubelogin, which converts to a device code by default
        login = login or "devicecode"
    name, _, token_file = given["to"].partition("=")
    target = TARGETS.get(name, KUBEAUTH)
    other = "" if target is KUBEAUTH else target.name
    command = command_for_kubectl(given["program"] or "auto", os.environ, diagnostics.warn, other)
    return ConvertRequest(
        login,
        typed,
        azure_config_dir=given["azure_config_dir"] or "",
        command=command,
        keep_command=given["program"] is None,
        api_version=_VERSIONS.get(given["exec_api_version"]),
        install_hint=given["install_hint"],
        target=target,
        token_file=token_file if name == TOKEN_FILE else None,
    )


keep_as_typed(command)


def _default_login(environ: Mapping[str, str]) -> str:
    """Return the login when --login is not given: the variable's, else "" to keep each user's.

    Raises SettingsError for a wrong variable.
    """
    named = environ.get(_env.AAD_LOGIN_METHOD, "")
    return find_login(named, _env.AAD_LOGIN_METHOD).name if named else ""


def _report(plan: Plan, given: dict[str, Any]) -> None:
    if given["dry_run"] and given["output"] != "json":
        say(DRY_RUN)
    for warning in plan.warnings:
        diagnostics.warn(warning)
    if given["diff"]:
        _show_difference(plan.texts.values(), given)
    if given["output"] == "json":
        say(as_json(plan.rows))
    else:
        say(as_table(plan.rows, dry_run=given["dry_run"]))


def _take_back(files: Sequence[Path], selection: Selection, given: dict[str, Any]) -> None:
    """Undo the last conversion, and say for each file what became of it."""
    dry_run, in_json = given["dry_run"], given["output"] == "json"
    outcome = undo(files, selection, os.environ, write=not dry_run)
    if dry_run and not in_json:
        say(DRY_RUN)
    if given["diff"]:
        changes = [(one.file, one.text) for one in outcome if one.file and not one.reason]
        _show_difference(changes, given, "put back")
    say(as_json_lines(outcome) if in_json else as_lines(outcome, dry_run=dry_run))


def _show_difference(
    texts: Iterable[tuple[Kubeconfig, str]], given: dict[str, Any], after: str = "converted"
) -> None:
    out = sys.stderr if given["output"] == "json" else sys.stdout
    colour = is_terminal(out) and not os.environ.get("NO_COLOR")
    difference = as_diff(texts, colour, after)
    if os.name == "nt":  # the stream writes CRLF for each LF
        difference = difference.replace("\r\n", "\n")
    out.write(difference)


def _judge(plan: Plan, given: dict[str, Any]) -> None:
    """Print the failures and exit with the first one's code; raises NothingToConvert."""
    codes = [diagnostics.report(error) for error in plan.failures[:_REPORTED]]
    if len(plan.failures) > _REPORTED:
        diagnostics.warn(f"{len(plan.failures) - _REPORTED} more users failed; the report has all")
    if codes:
        click.get_current_context().exit(codes[0])
    if all(row.status == "skipped" for row in plan.rows) and not given["allow_empty"]:
        raise plan.nothing()
