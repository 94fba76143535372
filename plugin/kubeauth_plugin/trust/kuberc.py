"""kuberc: kubectl's preferences for credential plugins (kubectl 1.35 and newer)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubeauth.adapters.programs import find_program
from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import load
from kubeauth.kubeconfig.node import Node

__all__ = ["Policy", "find_on_path", "read_kuberc"]


def find_on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """Find a program as kubectl does: a path as it is, a name in absolute folders of PATH only."""
    if os.path.dirname(name):
        return name if os.path.isfile(name) and os.access(name, os.X_OK) else None
    return find_program(name, environ) or None


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
        wanted = find_on_path(command, environ)
        return any(
            entry == command or (wanted is not None and find_on_path(entry, environ) == wanted)
            for entry in self.commands
        )


def _quoted(text: str) -> str:
    """Quote a word for the shell; on Windows for cmd and PowerShell, whose paths have no quotes."""
    return (f'"{text}"' if " " in text else text) if os.name == "nt" else shlex.quote(text)


def read_kuberc(path: str) -> Policy | None:
    """Read kubectl's preferences for credential plugins; None if they cannot be read."""
    try:
        file = load(Path(path))
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
    commands = tuple(_commands(listed)) if listed else ()
    return Policy(Path(path), policy.string if policy else "", commands)


def _commands(listed: Node) -> Iterator[str]:
    """Return the commands of an allowlist; kubectl 1.35 called the field ``name``."""
    for item in listed.items:
        for key, value in item.value().pairs:
            if key.text in ("command", "name"):
                yield value.value().string
