"""The command to write into a kubeconfig."""

from __future__ import annotations

import filecmp
import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

from kubeauth.adapters.programs import find_program
from kubeauth.errors import SettingsError
from kubeauth_plugin.trust.kuberc import Policy, find_on_path, read_kuberc
from kubeauth_plugin.trust.strict import kuberc_file

__all__ = ["CHOICES", "command_for_kubectl", "find_command", "this_program", "with_this_python"]

CHOICES: Final = ("auto", "bare", "absolute", "module")
_NAME: Final = "kubeauth"
_UV_CACHES: Final = frozenset({"archive-v0", "environments-v2"})
_PIPX_CACHES: Final = frozenset(
    {
        (".cache", "pipx"),
        ("caches", "pipx"),
        ("cache", "pipx"),
        ("pipx", ".cache"),
        ("pipx", "cache"),
    }
)
_SCRIPTS: Final = tuple(
    name + ending for name in (_NAME, "kubectl-kubeauth", "kubelogin") for ending in ("", ".exe")
)


def command_for_kubectl(
    choice: str, environ: Mapping[str, str], warn: Callable[[str], None], other: str = ""
) -> tuple[str, ...]:
    """Return the command to write, as ``find_command`` does, and warn if kubectl refuses it.

    ``other`` is the name of another program to write instead. Raises SettingsError.
    """
    preferences = kuberc_file(environ)
    policy = read_kuberc(preferences) if preferences else None
    command = (other,) if other else find_command(choice, environ, policy)
    for objection in policy.objections(command[0], environ) if policy else ():
        warn(objection)
    return command


def find_command(
    choice: str, environ: Mapping[str, str], policy: Policy | None = None
) -> tuple[str, ...]:
    """Return the command to write, and the arguments it needs before its own.

    ``auto`` is the bare name if kubectl finds this very program by it, else the absolute path: in a
    virtual environment, or where another kubeauth comes first on PATH, a bare name would run
    something else. On Windows it is this Python, which is faster than the program that pip makes.
    Of two that would do, one that ``policy`` allows is taken. Raises SettingsError if there is no
    program to name.
    """
    module = with_this_python()
    script = this_program()
    if choice == "bare":
        return (_NAME,)
    if choice == "auto" and not _single_file() and _is_temporary(Path(sys.prefix)):
        raise SettingsError(
            "--command auto: this kubeauth is uvx's or that of `pipx run`, and kubectl would not "
            "find it later",
            hint="install it with `uv tool install kubeauth` or `pipx install kubeauth`, then "
            "convert with that; --command bare names what another machine has",
        )
    if choice == "module" or (choice == "auto" and script is None):
        return module
    allowed = policy is None or not any(policy.objections(module[0], environ))
    if choice == "auto" and os.name == "nt" and not _single_file() and allowed:
        return module
    if script is None:
        file = _single_file()
        reason = f"{file} is not executable" if file else "this program runs without a script"
        remedy = f"run `chmod +x {file}`, or " if file else ""
        raise SettingsError(f"--command absolute: {reason}", hint=f"{remedy}use --command module")
    if choice == "auto" and _same(find_on_path(_NAME, environ), str(script)):
        objected = policy is not None and [
            name for name in (_NAME, str(script)) if any(policy.objections(name, environ))
        ]
        return (str(script),) if objected == [_NAME] else (_NAME,)
    return (str(script),)


def _is_temporary(environment: Path) -> bool:
    """Whether a Python environment lies in the cache of uv or pipx, which may be emptied.

    Environments of `pipx install` lie below ``venvs``, wherever that is.
    """
    parts = environment.parts
    if "venvs" in parts:
        return False
    pairs = {(one.lower(), other.lower()) for one, other in pairwise(parts)}
    return not _UV_CACHES.isdisjoint(parts) or not _PIPX_CACHES.isdisjoint(pairs)


def with_this_python() -> tuple[str, ...]:
    """Return a command that runs this very program with this very Python."""
    if file := _single_file():
        return (sys.executable, file)
    package = Path(__file__).parents[1]
    # Without `site` Python is faster, and finds only what lies beside this package.
    if os.name == "nt" and (package.parent / "msal").is_dir():
        return (_first_python(), "-I", "-S", str(package / "__main__.py"))
    return (sys.executable, "-m", "kubeauth_plugin")


def _first_python() -> str:
    """Return the Python of which Windows needs one process only.

    The python.exe of a virtual environment starts the one that it was made from. The one from
    Microsoft's Store lies in a folder that each update renames.
    """
    base = str(getattr(sys, "_base_executable", sys.executable))
    return sys.executable if "WindowsApps" in base else base


def _single_file() -> str:
    """Return the absolute path of the single-file program if this is one, else "".

    Its first module (scripts/pyz) sets the name. The running files were unpacked to a folder
    that may be deleted soon.
    """
    return str(getattr(sys.modules["__main__"], "KUBEAUTH_FILE", ""))


def this_program() -> Path | None:
    """Return the absolute path of this program, if that alone can run it; follow no links."""
    if file := _single_file():
        return Path(file) if os.access(file, os.X_OK) else None
    called = Path(sys.argv[0])
    folders = [called.parent] if called.name in _SCRIPTS else []
    folders += [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    for folder in folders:
        found = find_program(_NAME, {**os.environ, "PATH": os.path.abspath(folder)})  # links stay
        if found:
            return Path(found)
    return None


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return False
    # On Windows pipx copies the launcher, which holds the path of its Python.
    return Path(one).samefile(other) or (os.name == "nt" and filecmp.cmp(one, other, shallow=False))
