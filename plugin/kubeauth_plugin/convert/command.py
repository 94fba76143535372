"""The command to write into a kubeconfig, and whether kubectl would run it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeconfigError, SettingsError
from kubeauth.kubeconfig.files import load
from kubeauth.kubeconfig.node import Node

__all__ = ["CHOICES", "Policy", "find_command", "read_policy", "with_this_python"]

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
_SCRIPTS: Final = ("kubeauth", "kubectl-kubeauth", "kubeauth.exe", "kubectl-kubeauth.exe")


def find_command(
    choice: str, environ: Mapping[str, str], policy: Policy | None = None
) -> tuple[str, ...]:
    """Return the command to write, and the arguments it needs before its own.

    ``auto`` is the bare name if kubectl finds this very program by it, else the absolute path: in a
    virtual environment, or where another kubeauth comes first on PATH, a bare name would run
    something else. Of two that would do, one that ``policy`` allows is taken. Raises SettingsError
    if there is no program to name.
    """
    module = with_this_python()
    script = _this_program()
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
    if script is None:
        file = _single_file()
        reason = f"{file} is not executable" if file else "this program runs without a script"
        remedy = f"run `chmod +x {file}`, or " if file else ""
        raise SettingsError(f"--command absolute: {reason}", hint=f"{remedy}use --command module")
    if choice == "auto" and _same(_on_path(_NAME, environ), str(script)):
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
    file = _single_file()
    return (sys.executable, file) if file else (sys.executable, "-m", "kubeauth_plugin")


def _single_file() -> str:
    """Return the absolute path of the single-file program if this is one, else "".

    Its first module (scripts/pyz) sets the name. The running files were unpacked to a folder
    that may be deleted soon.
    """
    return str(getattr(sys.modules["__main__"], "KUBEAUTH_FILE", ""))


def _this_program() -> Path | None:
    """Return the absolute path of the program that can be run by it alone, links not followed."""
    if file := _single_file():
        return Path(file) if os.access(file, os.X_OK) else None
    called = Path(sys.argv[0])
    folders = [called.parent] if called.name in _SCRIPTS else []
    folders += [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    for folder in folders:
        found = shutil.which(_NAME, path=os.path.abspath(folder))  # links stay
        if found:
            return Path(found)
    return None


def _on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """Find a program as kubectl does: absolute folders of PATH only."""
    parts = environ.get("PATH", "").split(os.pathsep)
    return shutil.which(name, path=os.pathsep.join(p for p in parts if Path(p).is_absolute()))


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and Path(one).samefile(other)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of kuberc (kubectl 1.35 and newer) for credential plugins."""

    file: Path
    policy: str
    commands: tuple[str, ...] = ()

    def objections(self, command: str, environ: Mapping[str, str]) -> Iterator[str]:
        """Say why kubectl would not run a command, and what would change that."""
        if self.policy == "DenyAll":
            yield (
                f"{self.file} denies all credential plugins: kubectl will not run {command}; "
                f"{self._remedy(command)} allows it"
            )
        elif self.policy == "Allowlist" and not self._allows(command, environ):
            yield (
                f"the credentialPluginAllowlist of {self.file} does not have {command}: kubectl "
                f"will not run it; {self._remedy(command)} adds it"
            )

    def _remedy(self, command: str) -> str:
        """Return the command that adds an entry, or, where there cannot be one, what to write.

        kubectl replaces the list, so the command names every entry. kubectl splits entries at
        commas, and fails at each command while DenyAll stands beside a list.
        """
        entries = (*self.commands, command)
        if any("," in each for each in entries) or (self.policy == "DenyAll" and self.commands):
            return (
                "an entry `command: "
                f"{command}` in its credentialPluginAllowlist, with credentialPluginPolicy "
                "Allowlist, written with an editor,"
            )
        flags = " ".join(f"--allowlist-entry {_quoted(f'command={each}')}" for each in entries)
        return f"`kubectl kuberc set --section credentialplugin --policy Allowlist {flags}`"

    def _allows(self, command: str, environ: Mapping[str, str]) -> bool:
        """Whether an entry is the command, or both are found at one path (links not followed)."""
        wanted = _on_path(command, environ)
        return any(
            entry == command or (wanted is not None and _on_path(entry, environ) == wanted)
            for entry in self.commands
        )


def _quoted(text: str) -> str:
    """Quote a word for the shell; on Windows for cmd and PowerShell, whose paths have no quotes."""
    return (f'"{text}"' if " " in text else text) if os.name == "nt" else shlex.quote(text)


def read_policy(environ: Mapping[str, str]) -> Policy | None:
    """Read kubectl's preferences for credential plugins; None if they cannot be read.

    The places and the switches are kubectl's: KUBERC (``off`` for none), KUBECTL_KUBERC.
    """
    named = environ.get("KUBERC", "")
    if named == "off" or environ.get("KUBECTL_KUBERC", "").lower() == "false":
        return None
    path = Path(named) if named else Path(os.path.expanduser("~/.kube/kuberc"))
    try:
        file = load(path)
    except KubeconfigError:
        return None
    if file is None or file.root is None or file.root.kind != "map":
        return None
    fields = {key.text: value.value() for key, value in file.root.pairs}
    version = fields.get("apiVersion")
    if version is not None and version.string.endswith("/v1alpha1"):
        return None  # kubectl ignores the fields there, and runs all plugins
    policy = fields.get("credentialPluginPolicy")
    listed = fields.get("credentialPluginAllowlist")
    return Policy(path, policy.string if policy else "", tuple(_commands(listed)) if listed else ())


def _commands(listed: Node) -> Iterator[str]:
    """Return the commands of an allowlist; kubectl 1.35 called the field ``name``."""
    for item in listed.items:
        for key, value in item.value().pairs:
            if key.text in ("command", "name"):
                yield value.value().string
