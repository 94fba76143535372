"""What a user entry of a kubeconfig signs in with today."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig import INT128, kind_of_plugin
from kubeauth.options import flags
from kubeauth_plugin.convert.previous_logins import PreviousLogin, read_previous_logins
from kubeauth_plugin.kubeconfig.file import User, fields_of, malformed
from kubeauth_plugin.kubeconfig.tree import Node

__all__ = ["Skipped", "Source", "recognise"]

# What the legacy auth-provider calls the flags.
_AUTH_PROVIDER: Final = {
    "apiserver-id": "server_id",
    "client-id": "client_id",
    "tenant-id": "tenant_id",
    "environment": "environment",
}

# Credentials that win over an exec block, or stand instead of one: field -> what to call it.
_STATIC: Final = {
    "token": "a static token",
    "tokenFile": "a token file",
    "client-certificate": "a client certificate",
    "client-certificate-data": "a client certificate",
    "username": "a user name and password",
    "password": "a user name and password",
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A user that is not converted, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """A user that can be converted: ``kind`` is auth-provider, kubelogin or kubeauth.

    ``values`` are its settings by field, ``others`` the arguments that no flag is known for,
    ``exec_fields`` the exec block's own fields (empty for an auth-provider), ``static`` names a
    credential that stands beside it.
    """

    kind: str
    login: str
    values: Mapping[str, str] = field(repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    prefix: tuple[str, ...] = ()
    args: tuple[str, ...] = field(default=(), repr=False)
    exec_fields: Mapping[str, Node] = field(default_factory=dict, repr=False)
    static: str = ""
    memory: Mapping[str, PreviousLogin] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Give the text of one of the exec block's fields, empty if it has none."""
        node = self.exec_fields.get(name)
        return node.value().string if node is not None else ""

    @property
    def label(self) -> str:
        """What to call it in a report."""
        return (
            "azure auth-provider" if self.kind == "auth-provider" else f"{self.kind} {self.login}"
        )


def recognise(user: User) -> Source | Skipped:
    """Say what a user is. Raises KubeconfigError for an entry that has no clear meaning."""
    fields = fields_of(user.node, user.file, f"the user {user.name!r}")
    static = next((_STATIC[name] for name in _STATIC if _given(fields.get(name))), "")
    has_exec, has_provider = _given(fields.get("exec")), _given(fields.get("auth-provider"))
    if has_exec and has_provider:
        raise malformed(
            user.file, user.node, f"the user {user.name!r} has an exec block and an auth-provider"
        )
    if has_exec or has_provider:
        found = (
            _from_exec(user, fields["exec"], static)
            if has_exec
            else _from_auth_provider(user, fields["auth-provider"], static)
        )
        memory = read_previous_logins(fields.get("extensions"))
        return replace(found, memory=memory) if isinstance(found, Source) else found
    if user.name.startswith("clusterAdmin_") and "certificate" in static:
        return Skipped(
            "a client certificate: an admin account (`--admin`), which passes by Entra ID and what "
            "it would record; fetch the cluster without `--admin`"
        )
    return Skipped(f"{static} (a local account)" if static else "it has no credentials")


def _given(node: Node | None) -> bool:
    return node is not None and not node.value().is_null


def _string(user: User, node: Node, what: str) -> str:
    """Give the text of a scalar; what it would be in YAML (a number, say) does not matter."""
    scalar = node.value()
    if scalar.kind != "scalar" or (scalar.tag and not scalar.tag.endswith(":str")):
        raise malformed(user.file, node, f"the user {user.name!r}: {what} is not a string")
    return scalar.string


def _from_auth_provider(user: User, node: Node, static: str) -> Source | Skipped:
    fields = fields_of(node, user.file, f"the auth-provider of the user {user.name!r}")
    name = _string(user, fields["name"], "auth-provider.name") if "name" in fields else ""
    if name != "azure":
        return Skipped(f"another auth-provider: {name or 'without a name'}")
    config: dict[str, Node] = {}
    if "config" in fields:
        config = fields_of(fields["config"], user.file, f"the config of the user {user.name!r}")
    values = {
        flag: text
        for key, flag in _AUTH_PROVIDER.items()
        if key in config and (text := _string(user, config[key], key))
    }
    mode = _string(user, config["config-mode"], "config-mode") if "config-mode" in config else ""
    if mode in ("", "0"):
        values["legacy"] = "true"
    return Source("auth-provider", "", values, static=static)


def _from_exec(user: User, node: Node, static: str) -> Source | Skipped:
    fields = fields_of(node, user.file, f"the exec block of the user {user.name!r}")
    for name in ("apiVersion", "command", "installHint", "interactiveMode"):
        if name in fields:
            _string(user, fields[name], f"exec.{name}")
    command = fields["command"].value().string if "command" in fields else ""
    args = _arguments(user, fields.get("args"))
    kind = kind_of_plugin(command, args)
    if not kind:
        return Skipped(f"another plugin: {_plugin_name(command, args)}")
    start = args.index("get-token") if "get-token" in args else -1
    prefix = args[: max(start, 0)]
    try:
        typed, others = flags.parse(args[start + 1 :])
        values = {flags.BY_NAME[name].field: text for name, text in typed.items()}
        for name, text in values.items():
            if flags.BY_FIELD[name].kind is bool:
                values[name] = str(flags.value_of(flags.BY_FIELD[name], text)).lower()
    except ValueError as error:
        raise KubeconfigError(
            f"{user.file.path}: the user {user.name!r}: exec.args: {error}",
            hint="correct the user's arguments, or name other users with --context",
        ) from None
    login = values.pop("login", "") or "devicecode"
    return Source(kind, login, values, tuple(others), tuple(prefix), tuple(args), fields, static)


def _arguments(user: User, node: Node | None) -> list[str]:
    if node is None or node.value().is_null:
        return []
    if node.value().kind != "list":
        raise malformed(user.file, node, f"the user {user.name!r}: exec.args is not a list")
    return [_string(user, item, "an argument") for item in node.value().items]


def _plugin_name(command: str, args: Sequence[str]) -> str:
    """Name a plugin for a person; never more of its arguments than a sub-command."""
    name = _base_name(command) or "without a command"
    if any(argument.startswith(INT128) for argument in args):
        return f"{name} of int128 (OpenID Connect, not Azure's)"
    return f"{name} {args[0]}" if name == "kubectl" and args else name


def _base_name(command: str) -> str:
    return re.split(r"[/\\]", command)[-1].lower().removesuffix(".exe")
