"""Users that read a token file: where the file is, and the command that keeps it fresh."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.merge import User
from kubeauth.options.settings import FLAGS
from kubeauth_plugin.convert.source import Source
from kubeauth_plugin.trust.rule import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["TOKEN_FILE", "TargetType", "check_one_user", "keeping_command", "token_file_of"]

TOKEN_FILE: Final = "token-file"  # noqa: S105  # a word of the command line
_SECRETS: Final = frozenset(f"--{flag.name}" for flag in FLAGS if flag.secret)


class TargetType(click.ParamType):  # type: ignore[type-arg]
    """The value of --to: one of some names, or `token-file`, also with a path."""

    name = "target"

    def __init__(self, names: Sequence[str]) -> None:
        self._names = (*names, TOKEN_FILE)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(self._names)}[=FILE]]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name, equals, path = str(value).partition("=")
        if name not in self._names or (equals and (name != TOKEN_FILE or not path)):
            self.fail(f"{value!r} is not one of {', '.join(self._names)}[=FILE]", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete one of the names."""
        from kubeauth_plugin.shell.completion import matching

        return matching(self._names, incomplete)


def token_file_of(path: str, user: User) -> str:
    """Return the absolute path of a user's token file; "" for ``path`` is beside its kubeconfig."""
    if path:
        return os.path.abspath(os.path.expanduser(path))
    name = re.sub(r"[^\w.-]", "_", user.name, flags=re.ASCII).lstrip(".")
    return str(Path(os.path.abspath(user.file.path)).parent / f"{name or 'user'}.token")


def check_one_user(path: str, users: Sequence[User]) -> None:
    """Raise SettingsError if one file would serve several users, each of them another identity."""
    if path and len(users) > 1:
        raise SettingsError(
            f"--to {TOKEN_FILE}={path}: {len(users)} users cannot share one token file",
            hint="name one user with --context or --user, or leave out the path",
        )


def keeping_command(source: Source, fields: Any, path: str) -> str:
    """Return a sentence with the command that keeps the file fresh. Raises SettingsError.

    ``fields`` are those of the exec block that the user would have. NOTE: a secret in it is not
    repeated.
    """
    if source.sign_in.static:
        raise SettingsError(
            f"the user also has {source.sign_in.static}, which wins over a sign-in",
            hint="remove that first: kubectl config unset users.NAME.FIELD",
        )
    words, secret = list[str](), False
    args = iter(fields["args"])
    for word in args:
        name, equals, _ = word.partition("=")
        if name in _SECRETS:
            secret = True
            if not equals:
                next(args, "")
        elif word == "get-token" and TOKEN_FILE not in words:
            words += [TOKEN_FILE, "--output", path]
        else:
            words.append(word)
    more = ", with its secret in a variable or a file" if secret else ""
    return f"keep {path} fresh with: {quoted([fields['command'], *words])}{more}"
