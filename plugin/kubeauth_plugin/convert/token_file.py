"""Users that read a token file: where the file is, and the command that keeps it fresh."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from kubeauth._env import KUBERNETES_EXEC_INFO
from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.merge import User
from kubeauth.options.settings import FLAGS
from kubeauth_plugin.convert.source import Source
from kubeauth_plugin.convert.user import Converted
from kubeauth_plugin.kubeconfig.mask import is_harmless_variable
from kubeauth_plugin.trust.rule import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["TOKEN_FILE", "TargetType", "check_one_user", "keeping_command", "token_file_of"]

TOKEN_FILE: Final = "token-file"  # noqa: S105  # a word of the command line
# It keeps one token for all requests, and renews it ahead of its end anyway.
_WITHOUT: Final = frozenset({"--force-refresh"})
_SOURCE: Final = "--assertion-source"
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


def keeping_command(user: User, source: Source, converted: Converted, path: str) -> str:
    """Return a sentence with the command that keeps the file fresh. Raises SettingsError.

    ``converted`` is the exec block that the user would have, with its variables. NOTE: a secret in
    it is not repeated; the sentence names what has to be given in its place.
    """
    if source.sign_in.static:
        raise SettingsError(
            f"the user also has {source.sign_in.static}, which wins over a sign-in",
            hint="remove that first: kubectl config unset users.NAME.FIELD",
        )
    if "--pop-enabled" in converted.fields["args"]:
        raise SettingsError(
            "proof of possession signs each request, which a token file cannot do",
            hint='leave it out with --pop-enabled=false --pop-claims ""',
        )
    variables, missing = _variables(source, converted)
    words, secrets = _words(converted.fields["args"], path)
    command = converted.fields["command"]
    if os.path.dirname(command):  # kubectl looks for it from the kubeconfig's folder
        folder = os.path.dirname(os.path.abspath(user.file.path))
        command = os.path.normpath(os.path.join(folder, command))
    first = [f"set {name} as in the old entry" for name in missing]
    first += [
        f"add {flag} as in the old entry"
        if flag == _SOURCE
        else f"put the secret of {flag} into a variable or a file"
        for flag in secrets
    ]
    values = [f"{name}={value}" for name, value in variables.items()]
    if values and os.name == "nt":
        first.append(f"set {quoted(values)}")
        values = []
    words = [*(["env", *values] if values else []), command, *words]
    return f"to keep {path} fresh, {''.join(f'{step}, ' for step in first)}run: {quoted(words)}"


def _variables(source: Source, converted: Converted) -> tuple[dict[str, str], list[str]]:
    """Return the variables that the command needs, and the names of those that may be secret."""
    found = {**source.sign_in.environ, **converted.variables}
    found.pop(KUBERNETES_EXEC_INFO, None)
    harmless = {name: value for name, value in found.items() if is_harmless_variable(name, value)}
    return harmless, [name for name in found if name not in harmless]


def _words(args: Sequence[str], path: str) -> tuple[list[str], list[str]]:
    """Return the arguments of `token-file`, and the flags among ``args`` that hold a secret."""
    words, secrets = list[str](), list[str]()
    rest = iter(args)
    for word in rest:
        name, equals, value = word.partition("=")
        if name == _SOURCE:
            value = value if equals else next(rest, "")
            # The arguments of its program may hold a secret.
            runs = value.startswith("command:") and len(value.split()) > 1
            secrets += [name] if runs else []
            words += [] if runs else [name, value]
        elif name in _SECRETS:
            secrets.append(name)
            if not equals:
                next(rest, "")
        elif word == "get-token" and TOKEN_FILE not in words:
            words += [TOKEN_FILE, "--output", path]
        elif name not in _WITHOUT:
            words.append(word)
    return words, secrets
