"""Complete commands, flags and values: for bash, zsh and fish, and for ``kubectl kubeauth``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)
from click.shell_completion import shell_complete as answer

from kubeauth.errors import KubeauthError

__all__ = ["SHELLS", "answer_kubectl", "answer_shell", "matching", "names_of", "path", "script"]

_KINDS: Final = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
SHELLS: Final = tuple(_KINDS)
_PROGRAM: Final = "kubeauth"
# Directives of kubectl_complete-NAME, the numbers of cobra: whether the shell also offers files.
_FILES: Final = ":0"
_NO_FILES: Final = ":4"


def script(shell: str, variable: str, group: click.Command) -> str:
    """Return the text that a shell reads to complete ``kubeauth``; ``shell`` is one of SHELLS."""
    # The class for bash would run bash, to look at its version.
    return ShellComplete.source(_KINDS[shell](group, {}, _PROGRAM, variable))


def answer_shell(group: click.Command, instruction: str) -> int:
    """Answer a question of that script on stdout and return the exit code; never raise."""
    try:
        return answer(group, {}, _PROGRAM, "", instruction)
    except Exception:  # a shell that completes has no use for an error
        return 1


def answer_kubectl(group: click.Command, arguments: Sequence[str]) -> None:
    """Answer kubectl on stdout: ``arguments`` are the words so far, the last one unfinished.

    (kubectl's "Extend kubectl with plugins", on shell completion.)
    """
    *words, unfinished = arguments or [""]
    try:
        found = ShellComplete(group, {}, _PROGRAM, "").get_completions(words, unfinished)
    except Exception:  # as above
        found = []
    plain = [item for item in found if item.type == "plain"]
    for item in plain:
        print(f"{item.value}\t{item.help}" if item.help else item.value)  # noqa: T201
    print(_NO_FILES if plain or not found else _FILES)  # noqa: T201


def names_of(section: str, kubeconfig: str | None, unfinished: str) -> list[CompletionItem]:
    """Complete a name of the kubeconfig; ``section`` is "contexts", "clusters" or "users"."""
    from kubeauth.kubeconfig.entry import read_kubeconfigs

    try:
        merged = read_kubeconfigs(kubeconfig, os.environ)
    except KubeauthError:
        return []
    return matching(sorted(getattr(merged, section)), unfinished)


def path(kind: str, unfinished: str) -> list[CompletionItem]:
    """Have the shell complete the name of a "file" or a "dir"."""
    return [CompletionItem(unfinished, type=kind)]


def matching(names: Sequence[str], unfinished: str) -> list[CompletionItem]:
    """Return the names that begin with what was typed."""
    return [CompletionItem(name) for name in names if name and name.startswith(unfinished)]
