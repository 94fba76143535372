"""How one user's sign-in becomes another, in memory and without touching a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubeauth.clouds import find_cloud
from kubeauth.errors import SettingsError
from kubeauth.logins import LOGINS, find_login
from kubeauth.settings import Settings, authority_of
from kubeauth_plugin import flags
from kubeauth_plugin.convert_rules import GENERAL, HEAD, POP, RULES, Rule
from kubeauth_plugin.convert_source import Source

__all__ = ["Converted", "Wish", "convert_user", "unused_flags"]

V1: Final = "client.authentication.k8s.io/v1"
V1BETA1: Final = "client.authentication.k8s.io/v1beta1"
INSTALL_HINT: Final = (
    "kubeauth is not installed, and this cluster is signed in to through it.\n"
    "Install it with `pipx install kubeauth` or `pip install kubeauth`.\n"
)
_STACK: Final = "azurestackcloud"
_KUBELOGINS_HINT: Final = re.compile(r"\s*kubelogin is not installed which is required to connect")


def _offered(flag: str = "server-id") -> list[str]:
    """Name the modes that exist here and take a flag."""
    return [n for n in LOGINS if n in RULES and flag in ("server-id", *RULES[n].own)]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line.

    ``typed`` are flags by name, as text: an empty value or ``false`` clears what was there.
    ``command`` is what kubectl shall run, with the arguments before ``get-token``; with
    ``keep_command``, an entry that runs kubeauth already goes on as it does. ``api_version`` is
    empty to keep what there is.
    """

    login: str
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    azure_config_dir: str = ""
    command: tuple[str, ...] = ("kubeauth",)
    keep_command: bool = True
    api_version: str = ""

    def __post_init__(self) -> None:
        """Judge what was typed; raises SettingsError."""
        find_login(self.login)
        if self.login not in RULES:
            raise SettingsError(
                f"login: {self.login} is not available in convert-kubeconfig",
                hint=f"use --login with one of {', '.join(_offered())}",
            )
        pop = next((name for name in POP if self.typed.get(name) not in (None, "", "false")), None)
        if pop and pop not in RULES[self.login].own:
            raise SettingsError(
                f"login {self.login}: --{pop} is not possible, it cannot prove possession of a key",
                hint=f"leave it out, or use --login with one of {', '.join(_offered(pop))}",
            )
        environment = self.typed.get("environment", "")
        if environment.lower() != _STACK:
            find_cloud(environment, {})
        authority_of(Settings(authority_host=self.typed.get("authority-host", "")), {})
        for name, value in self.typed.items():
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise SettingsError(
                    f"--{name}: the value is not text in this system's encoding",
                    hint=f"give --{name} in UTF-8",
                )


@dataclass(frozen=True, slots=True)
class Converted:
    """What a user's exec block shall hold: its fields, and variables to set in its environment."""

    fields: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def unused_flags(wish: Wish) -> Iterator[str]:
    """Give a sentence for each typed flag that means nothing in the mode that was asked for."""
    rule = RULES[wish.login]
    known = {"server-id", "cache-dir", *rule.own, *GENERAL}
    for name, value in wish.typed.items():
        if name not in known and value not in ("", "false"):
            yield f"--{name} means nothing to login {wish.login} and was not written"
    if wish.azure_config_dir and wish.login != "azurecli":
        yield f"--azure-config-dir means nothing to login {wish.login} and was not written"
    groups = [[n for n in group if wish.typed.get(n)] for group in rule.instead]
    if wish.login == "msi" and all(groups):
        yield "--identity-resource-id was not written, since --client-id names the identity"


def convert_user(source: Source, wish: Wish) -> Converted:
    """Give what a user must be to sign in as wished.

    Raises SettingsError for a flag that the mode needs and neither the command line nor the old
    entry has.
    """
    rule = RULES[wish.login]
    values = _values(source, wish, rule)
    for name in ("server-id", *rule.need):
        if name not in values:
            raise SettingsError(
                f"login {wish.login}: --{name} is required",
                hint=f"give --{name}" + ("" if name != "server-id" else _SERVER_HINT),
            )
    _check_pop(values)
    command, *prefix = _command(source, wish)
    args = _arguments(source, wish, values, prefix)
    fields: dict[str, Any] = {
        "apiVersion": wish.api_version or _api_version(source),
        "args": args,
        "command": command,
        "interactiveMode": _interactive_mode(source, wish.login),
    }
    hint = source.text("installHint")
    if not hint or _KUBELOGINS_HINT.match(hint):
        fields["installHint"] = INSTALL_HINT
    given = source.exec_fields.get("provideClusterInfo")
    if given is None or given.value().is_null:
        fields["provideClusterInfo"] = False
    variables = {}
    if wish.azure_config_dir and wish.login == "azurecli":
        variables["AZURE_CONFIG_DIR"] = wish.azure_config_dir
    return Converted(fields, variables, tuple(_warnings(source, values)))


_SERVER_HINT: Final = "; for AKS it is 6dae42f8-4368-4678-94ff-3960e28e3630"


def _values(source: Source, wish: Wish, rule: Rule) -> dict[str, str]:
    """Decide each flag's value: typed, taken over, or absent."""
    takes = {"server-id", "cache-dir", *rule.need, *rule.keep, *GENERAL}
    if source.login == wish.login:
        takes.update(rule.given)
        if wish.login == "azurecli" and source.kind == "kubelogin":
            takes.discard("tenant-id")
    for group in rule.instead:
        if any(wish.typed.get(name) for name in group):
            takes -= {name for other in rule.instead if other != group for name in other}
    values = {name: value for name, value in source.values.items() if name in takes}
    known = {"server-id", "cache-dir", *rule.own, *GENERAL}
    values.update((name, value) for name, value in wish.typed.items() if name in known)
    if wish.login == "msi" and wish.typed.get("client-id"):
        values.pop("identity-resource-id", None)
    return {
        name: value
        for name, value in values.items()
        if value and not (flags.BY_NAME[name].kind is bool and value == "false")
    }


def _check_pop(values: Mapping[str, str]) -> None:
    for name, other in (POP, POP[::-1]):
        if name in values and other not in values:
            raise SettingsError(
                f"--{other} is required when specifying --{name}",
                hint=f"give --{other}, or clear the other one",
            )


def _command(source: Source, wish: Wish) -> tuple[str, ...]:
    if source.kind == "kubeauth" and wish.keep_command:
        return (source.text("command"), *source.prefix)
    return wish.command


def _arguments(
    source: Source, wish: Wish, values: Mapping[str, str], prefix: Sequence[str]
) -> list[str]:
    """Write the argument list; one of ours that says the same already stays as it is."""
    order = dict.fromkeys((*HEAD, *RULES[wish.login].own, *GENERAL))
    ordered = [("login", wish.login), *((name, values[name]) for name in order if name in values)]
    args = [*prefix, "get-token", *flags.to_argv(ordered), *source.others]
    if source.kind == "kubeauth" and source.login == wish.login:
        same = {n: v for n, v in source.values.items() if v and v != "false"} == dict(values)
        renamed = any(argument.startswith("--token-cache-dir") for argument in source.args)
        if same and not renamed and tuple(prefix) == source.prefix:
            return list(source.args)
    return args


def _api_version(source: Source) -> str:
    return V1 if source.text("apiVersion") == V1 else V1BETA1


def _interactive_mode(source: Source, login: str) -> str:
    """Give the mode for kubectl; one that somebody chose stays, as long as it can work.

    kubeauth's own default for the old login changes with the login. Never, from a login that needed
    nobody, would leave a person without the question that is meant for them.
    """
    default = _default_mode(login)
    old = source.text("interactiveMode")
    if old not in ("Never", "IfAvailable", "Always"):
        return default
    if source.login != login and source.login in LOGINS:
        if source.kind == "kubeauth" and old == _default_mode(source.login):
            return default
        if old == "Never" and default != "Never":
            return default
    return old


def _default_mode(login: str) -> str:
    return "IfAvailable" if LOGINS[login].human else "Never"


def _warnings(source: Source, values: Mapping[str, str]) -> Iterator[str]:
    if source.static:
        yield f"{source.static} stands beside it and wins: kubectl does not run the plugin"
    if source.values.get("pop-enabled") == "true" and "pop-enabled" not in values:
        yield "proof of possession (--pop-enabled) was left out: this login cannot do it"
    environment = values.get("environment", "")
    try:
        if environment.lower() != _STACK:
            find_cloud(environment, {})
    except SettingsError as error:
        yield f"{error}, but that is what the old entry has"
    unknown = [argument.split("=")[0] for argument in source.others if argument.startswith("--")]
    if unknown := [name for name in unknown if name not in ("--v", "--logtostderr")]:
        yield f"arguments that kubeauth does not know were kept: {', '.join(unknown)}"
