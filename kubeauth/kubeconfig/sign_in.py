"""How a user of a kubeconfig signs in: with which login, which settings and which variables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubeauth import _env
from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import Kubeconfig, malformed
from kubeauth.kubeconfig.merge import Item, items_of, merged_fields, text_of
from kubeauth.kubeconfig.node import Node
from kubeauth.options.flags import BY_FIELD, BY_NAME, parse, value_of
from kubeauth.options.settings import Settings

__all__ = ["OtherUser", "SignIn", "sign_in_of"]

# The settings of the legacy auth-provider, by field.
_AUTH_PROVIDER: Final = {
    "apiserver-id": "server_id",
    "client-id": "client_id",
    "tenant-id": "tenant_id",
    "environment": "environment",
}
# int128's plugin is called kubelogin, too; its arguments name an OpenID Connect issuer.
_INT128: Final = ("--oidc-issuer-url", "--oidc-client-id")
_OURS: Final = ("kubeauth", "kubectl-kubeauth")
_MODULES: Final = ("kubeauth", "kubeauth_plugin")
# The single-file program, which carries its release in its name, and what Windows starts directly.
_FILE: Final = re.compile(r"(.*[/\\])?kubeauth([^/\\]*\.pyz|_plugin[/\\]__main__\.py)", re.DOTALL)
# Credentials that win over an exec block, or that a user has instead of one.
_STATIC: Final = {
    "token": "a static token",
    "tokenFile": "a token file",
    "client-certificate": "a client certificate",
    "client-certificate-data": "a client certificate",
    "username": "a user name and password",
    "password": "a user name and password",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a user signs in to Entra ID.

    ``kind`` is auth-provider, kubelogin or kubeauth. ``login`` is empty for an auth-provider.
    ``values`` are settings by field, as text; ``others`` are arguments that no flag is known for.
    ``args`` are all arguments of the exec block, ``prefix`` those before ``get-token``, ``environ``
    its variables. ``static`` names a credential beside it, which wins over it.
    """

    kind: str
    login: str
    values: Mapping[str, str] = field(repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    prefix: tuple[str, ...] = ()
    args: tuple[str, ...] = field(default=(), repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    static: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with their values as Settings has them, the login among them.

        Raises ValueError for a value that cannot be read.
        """
        values = {name: value_of(BY_FIELD[name], text) for name, text in self.values.items()}
        return {"login": self.login or Settings().login, **values}


@dataclass(frozen=True, slots=True)
class OtherUser:
    """A user that does not sign in to Entra ID; ``reason`` names what it has instead."""

    reason: str


def sign_in_of(user: Item) -> SignIn | OtherUser:
    """Return how a user signs in. Raises KubeconfigError for a user that has no clear meaning."""
    fields = user.fields("user")
    static = next((_STATIC[name] for name in _STATIC if _is_given(fields.get(name))), "")
    block, provider = fields.get("exec"), fields.get("auth-provider")
    if _is_given(block) and _is_given(provider):
        raise malformed(
            user.file, user.node, f"the user {user.name!r} has an exec block and an auth-provider"
        )
    if block is not None and _is_given(block):
        return _from_exec(_Reader(user), block, static)
    if provider is not None and _is_given(provider):
        return _from_auth_provider(_Reader(user), provider, static)
    return OtherUser(f"{static} (a local account)" if static else "it has no credentials")


def _is_given(node: Node | None) -> bool:
    return node is not None and not node.value().is_null


class _Reader:
    """Reads nodes of one user; errors name the user."""

    def __init__(self, user: Item) -> None:
        self.file: Kubeconfig = user.file
        self.name = f"the user {user.name!r}"

    def fields(self, node: Node | None, what: str) -> dict[str, Node]:
        return {} if node is None else merged_fields(node, self.file, f"{self.name}: {what}")

    def items(self, node: Node | None, what: str) -> list[Node]:
        return items_of(node, self.file, f"{self.name}: {what}")

    def text(self, node: Node | None, what: str) -> str:
        return text_of(node, self.file, f"{self.name}: {what}")


def _from_auth_provider(read: _Reader, node: Node, static: str) -> SignIn | OtherUser:
    fields = read.fields(node, "auth-provider")
    name = read.text(fields.get("name"), "auth-provider.name")
    if name != "azure":
        return OtherUser(f"another auth-provider: {name or 'without a name'}")
    config = read.fields(fields.get("config"), "auth-provider.config")
    values = {
        field: text
        for key, field in _AUTH_PROVIDER.items()
        if (text := read.text(config.get(key), key))
    }
    # kubectl's old provider asked for the audience spn:ID unless config-mode is 1.
    if read.text(config.get("config-mode"), "config-mode") in ("", "0"):
        values["legacy"] = "true"
    return SignIn("auth-provider", "", values, static=static)


def _from_exec(read: _Reader, node: Node, static: str) -> SignIn | OtherUser:
    fields = read.fields(node, "exec")
    command = read.text(fields.get("command"), "exec.command")
    args = [read.text(item, "an argument") for item in read.items(fields.get("args"), "exec.args")]
    kind = _kind_of_plugin(command, args)
    if not kind:
        return OtherUser(f"another plugin: {_plugin_name(command, args)}")
    start = args.index("get-token") if "get-token" in args else -1
    try:
        typed, others = parse(args[start + 1 :])
        values = {BY_NAME[name].field: text for name, text in typed.items()}
        for name, text in values.items():
            if BY_FIELD[name].kind is bool:
                values[name] = str(value_of(BY_FIELD[name], text)).lower()
    except ValueError as error:
        raise KubeconfigError(
            f"{read.file.path}: {read.name}: exec.args: {error}",
            hint="correct the user's arguments, or name another user or context",
        ) from None
    login = values.pop("login", "") or Settings().login
    environ = _variables(read, fields.get("env"))
    if values.get("disable_environment_override") != "true":
        # The variable wins over the argument, in kubelogin and in kubeauth.
        login = environ.get(_env.AAD_LOGIN_METHOD) or login
    return SignIn(
        kind,
        login,
        values,
        others=tuple(others),
        prefix=tuple(args[: max(start, 0)]),
        args=tuple(args),
        environ=environ,
        static=static,
    )


def _variables(read: _Reader, node: Node | None) -> dict[str, str]:
    """Return the variables of an exec block; kubectl sets them over those of its environment."""
    variables = {}
    for item in read.items(node, "exec.env"):
        pair = read.fields(item, "exec.env")
        if name := read.text(pair.get("name"), "exec.env: a name"):
            variables[name] = read.text(pair.get("value"), f"exec.env: {name}")
    return variables


def _kind_of_plugin(command: str, args: Sequence[str]) -> str:
    """Return kubelogin (Azure's) or kubeauth; "" for another plugin."""
    if any(argument.startswith(_INT128) for argument in args):
        return ""
    name = _base_name(command)
    words = list(args[: args.index("get-token")] if "get-token" in args else args)
    sub_command = name == "kubectl" and words[:1] == ["kubeauth"]
    module = "-m" in words[:-1] and words[words.index("-m") + 1] in _MODULES
    file = any(_FILE.fullmatch(word) for word in (command, *words))
    if name in _OURS or sub_command or module or file:
        return "kubeauth"
    if name == "kubelogin" or ("kubelogin" in name and "get-token" in args):
        return "kubelogin"
    return ""


def _plugin_name(command: str, args: Sequence[str]) -> str:
    """Name a plugin for a person; of its arguments, which may be secret, only a sub-command."""
    name = _base_name(command) or "without a command"
    if any(argument.startswith(_INT128) for argument in args):
        return f"{name} of int128 (OpenID Connect, not Azure's)"
    return f"{name} {args[0]}" if name == "kubectl" and args else name


def _base_name(command: str) -> str:
    return re.split(r"[/\\]", command)[-1].lower().removesuffix(".exe")
