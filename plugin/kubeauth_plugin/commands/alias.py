"""``kubeauth alias``: a second name for this program, for pipelines that say ``kubelogin``.

Called so, it takes the same commands; ``convert-kubeconfig`` writes what Azure/kubelogin writes.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path

import click

from kubeauth.adapters.programs import find_program
from kubeauth.errors import SettingsError
from kubeauth_plugin import diagnostics
from kubeauth_plugin.convert.command import this_program
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.output import say
from kubeauth_plugin.shell.called import ALIAS

__all__ = ["command"]


@click.command("alias")
@click.argument("name", type=click.Choice([ALIAS]))
@click.option("--remove", is_flag=True, help="remove the name again")
@logging_options
def command(name: str, remove: bool) -> None:
    """Add the name kubelogin for this program, for pipelines and kubeconfigs that use it.

    Puts `kubelogin` beside this program; never replaces a file that is not ours. Called by that
    name, convert-kubeconfig writes what Azure/kubelogin writes.

    \b
    kubeauth alias kubelogin
    kubeauth alias kubelogin --remove
    """
    if remove:
        gone = _remove()
        say(f"removed {gone}" if gone else f"there is no {name} beside kubeauth")
        return
    made = _make()
    say(f"{made} is kubeauth now; `kubeauth alias {name} --remove` removes it")
    if other := _other_on_path(made):
        diagnostics.warn(f"`{name}` still runs {other}: put {made.parent} before it on PATH")


def _make() -> Path:
    """Put ``kubelogin`` beside this program and return its path; raises SettingsError."""
    program, target = _places()
    if _is_ours(program, target):
        return target
    if os.path.lexists(target):
        raise SettingsError(
            f"alias: {target} is there already, and it is not kubeauth",
            hint=f"remove it if you want kubeauth in its place: {target}",
        )
    try:
        if os.name == "nt":
            shutil.copyfile(program, target)  # a link would need a privilege
        else:
            target.symlink_to(program.name)
    except OSError as error:
        raise _impossible(target, error) from error
    return target


def _remove() -> Path | None:
    """Remove ``kubelogin`` if it is ours, and return its path; None if there is none."""
    program, target = _places()
    if not os.path.lexists(target):
        return None
    if not _is_ours(program, target):
        raise SettingsError(
            f"alias: {target} is not kubeauth, so it stays",
            hint="remove it yourself if you do not need it",
        )
    try:
        target.unlink()
    except OSError as error:
        raise _impossible(target, error) from error
    return target


def _other_on_path(target: Path) -> str:
    """Return the program that ``kubelogin`` runs instead of ``target``; "" if it runs that one."""
    found = find_program(ALIAS, os.environ)
    return "" if found and Path(found).samefile(target) else found or "nothing on PATH"


def _places() -> tuple[Path, Path]:
    program = this_program()
    if program is None:
        raise SettingsError(
            "alias: this kubeauth runs without a program of its own",
            hint="install it with pip, pipx or uv",
        )
    return program, program.with_name(ALIAS + (".exe" if os.name == "nt" else ""))


def _is_ours(program: Path, target: Path) -> bool:
    if os.name == "nt":
        return target.exists() and filecmp.cmp(program, target, shallow=False)
    return target.is_symlink() and target.resolve() == program.resolve()


def _impossible(target: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"alias: {target} cannot be changed ({error.strerror or error})",
        hint="do it as the user who owns the folder",
    )
