"""How the users of a kubeconfig sign in, for commands that do it in kubectl's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeauth.errors import KubeconfigError, SettingsError
from kubeauth.options.flags import BY_FIELD, value_of
from kubeauth_plugin.convert.source import Skipped, Source, recognise
from kubeauth_plugin.kubeconfig.file import Context, Kubeconfig, User, find_files, load, read

__all__ = ["SignIn", "sign_in_of"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """One user's way to sign in: flags by field of Settings, and variables of its exec block."""

    name: str
    flags: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


def sign_in_of(
    kubeconfig: str | None, context: str, user: str, environ: Mapping[str, str]
) -> SignIn:
    """Return how a user signs in: the named one, else the context's, else the current context's.

    Raises SettingsError for a name that is not there, KubeconfigError for what cannot be read or
    does not sign in to Entra ID.
    """
    loaded = [load(path) for path in find_files(kubeconfig, environ)]
    files = [file for file in loaded if file is not None]
    users, contexts = read(files)
    chosen, name = _chosen(files, users, contexts, context, user)
    source = recognise(chosen)
    if isinstance(source, Skipped):
        raise KubeconfigError(
            f"{name}: its user does not sign in to Entra ID ({source.reason})",
            hint="name another context with --context",
        )
    return SignIn(name, _flags(source), _variables(source))


def _chosen(
    files: list[Kubeconfig], users: list[User], contexts: list[Context], context: str, user: str
) -> tuple[User, str]:
    if not user:
        context = context or _current_context(files)
        found = next((each for each in contexts if each.name == context), None)
        if found is None:
            raise _unknown("context", context, [each.name for each in contexts])
        user, name = found.user, f"context {context!r}"
    else:
        name = f"user {user!r}"
    for each in users:
        if each.name == user:
            return each, name
    raise _unknown("user", user, [each.name for each in users])


def _unknown(kind: str, name: str, known: list[str]) -> SettingsError:
    if not name:
        return SettingsError(
            "no context is chosen", hint="name one with --context, or a server with --server-id"
        )
    listed = ", ".join(sorted(known)) or "none; name another file with --kubeconfig"
    return SettingsError(f"{kind} {name!r} is in no kubeconfig", hint=f"there are: {listed}")


def _current_context(files: list[Kubeconfig]) -> str:
    """Return the current context: that of the first file that has one, as kubectl reads it."""
    for file in files:
        root = file.root.value() if file.root is not None else None
        for key, value in root.pairs if root is not None else ():
            if key.text == "current-context" and value.value().string:
                return value.value().string
    return ""


def _flags(source: Source) -> dict[str, Any]:
    typed = {name: value_of(BY_FIELD[name], text) for name, text in source.values.items()}
    return {"login": source.login or "devicecode", **typed}


def _variables(source: Source) -> dict[str, str]:
    """Return the variables that kubectl sets for the plugin, over those of its own environment."""
    node = source.exec_fields.get("env")
    found = {}
    for item in node.value().items if node is not None else ():
        pair = {key.text: value.value().string for key, value in item.value().pairs}
        found[pair.get("name", "")] = pair.get("value", "")
    return {name: text for name, text in found.items() if name}
