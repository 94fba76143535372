"""How one user's sign-in becomes another, in memory and without touching a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubeauth.errors import SettingsError
from kubeauth.options import flags
from kubeauth.options.logins import LOGINS
from kubeauth_plugin.convert.previous_logins import PreviousLogin
from kubeauth_plugin.convert.request import V1, V1BETA1, ConvertRequest, is_cloud
from kubeauth_plugin.convert.rules import GENERAL, HEAD, POP, RULES
from kubeauth_plugin.convert.source import Source

__all__ = ["Converted", "convert_user"]

_SERVER_HINT: Final = "; for AKS it is 6dae42f8-4368-4678-94ff-3960e28e3630"
_MODES: Final = ("Never", "IfAvailable", "Always")


@dataclass(frozen=True, slots=True)
class Converted:
    """What a user's exec block shall hold: its fields, and variables to set in its environment."""

    fields: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, str]
    memory: Mapping[str, PreviousLogin]
    warnings: tuple[str, ...] = ()


def convert_user(source: Source, request: ConvertRequest) -> Converted:
    """Give what a user must be to sign in as wished.

    Raises SettingsError for a flag that the mode needs and neither the command line nor the old
    entry has.
    """
    values = _values(source, request)
    for name in ("server-id", *request.rule.need):
        if name not in values:
            raise SettingsError(
                f"login {request.login}: --{name} is required",
                hint=f"give --{name}" + ("" if name != "server-id" else _SERVER_HINT),
            )
    _check_pop(values)
    command, *prefix = _command(source, request)
    args = _arguments(source, request, values, prefix)
    fields: dict[str, Any] = {
        "apiVersion": request.api_version or _api_version(source),
        "args": args,
        "command": command,
        "interactiveMode": _interactive_mode(source, request),
    }
    hint = source.text("installHint")
    if request.install_hint is not None:
        fields["installHint"] = request.install_hint
    elif not hint or request.target.other_hint.match(hint):
        fields["installHint"] = request.target.install_hint
    given = source.exec_fields.get("provideClusterInfo")
    if given is None or given.value().is_null:
        fields["provideClusterInfo"] = False
    variables = {}
    if request.azure_config_dir and request.login == "azurecli":
        variables["AZURE_CONFIG_DIR"] = request.azure_config_dir
    memory = _memory(source, request, values)
    return Converted(fields, variables, memory, tuple(_warnings(source, request, values)))


def _values(source: Source, request: ConvertRequest) -> dict[str, str]:
    """Decide each flag's value: typed, taken over, or absent."""
    rule = request.rule
    takes = {"server-id", "cache-dir", *rule.need, *rule.keep, *GENERAL}
    if source.login == request.login:
        takes.update(rule.given)
        if request.login == "azurecli" and source.kind == "kubelogin":
            takes.discard("tenant-id")
    remembered = source.memory[request.login].values if _returns(source, request) else {}
    takes.update(name for name in rule.given if name in remembered)
    for group in rule.instead:
        if any(request.typed.get(name) for name in group):
            takes -= {name for other in rule.instead if other != group for name in other}
    from_old = takes if source.login == request.login else takes - set(rule.given)
    values = {name: value for name, value in remembered.items() if name in takes}
    values.update((name, value) for name, value in source.values.items() if name in from_old)
    values.update(request.typed)
    if request.login == "msi" and request.typed.get("client-id"):
        values.pop("identity-resource-id", None)
    return {
        name: value
        for name, value in values.items()
        if request.takes(name)
        and value
        and not (flags.BY_NAME[name].kind is bool and value == "false")
    }


def _returns(source: Source, request: ConvertRequest) -> bool:
    """Whether the user signed in this way before, and something is remembered of it."""
    return source.login != request.login and request.login in source.memory


def _memory(
    source: Source, request: ConvertRequest, values: Mapping[str, str]
) -> dict[str, PreviousLogin]:
    """Give what to remember: all that another login of this user had and this one has not."""
    memory = {login: entry for login, entry in source.memory.items() if login != request.login}
    login = source.login or "devicecode"  # an auth-provider asks for a device code
    if login == request.login:
        return memory
    memory.pop(login, None)
    given = RULES[login].given if login in RULES else ()
    lost = {
        name: value
        for name, value in source.values.items()
        if (values.get(name) != value or name in given)
        and value not in ("", "false")
        and not flags.BY_NAME[name].secret
    }
    mode = source.text("interactiveMode")
    chosen = mode if mode in _MODES and mode != _default_mode(login) else ""
    if lost or chosen:
        memory[login] = PreviousLogin(lost, chosen)
    return memory


def _check_pop(values: Mapping[str, str]) -> None:
    for name, other in (POP, POP[::-1]):
        if name in values and other not in values:
            raise SettingsError(
                f"--{other} is required when specifying --{name}",
                hint=f"give --{other}, or clear the other one",
            )


def _command(source: Source, request: ConvertRequest) -> tuple[str, ...]:
    if source.kind == request.target.name and request.keep_command:
        return (source.text("command"), *source.prefix)
    return request.command


def _arguments(
    source: Source, request: ConvertRequest, values: Mapping[str, str], prefix: Sequence[str]
) -> list[str]:
    """Write the argument list; one of ours that says the same already stays as it is."""
    order = dict.fromkeys((*HEAD, *request.rule.own, *GENERAL))
    ordered = [
        ("login", request.login),
        *((name, values[name]) for name in order if name in values),
    ]
    args = [*prefix, "get-token", *flags.to_argv(ordered), *source.others]
    if source.kind == "kubeauth" and source.login == request.login:
        same = {n: v for n, v in source.values.items() if v and v != "false"} == dict(values)
        renamed = any(argument.startswith("--token-cache-dir") for argument in source.args)
        if same and not renamed and tuple(prefix) == source.prefix:
            return list(source.args)
    return args


def _api_version(source: Source) -> str:
    return V1 if source.text("apiVersion") == V1 else V1BETA1


def _interactive_mode(source: Source, request: ConvertRequest) -> str:
    """Give the mode for kubectl; one that somebody chose stays, as long as it can work.

    kubeauth's own default for the old login changes with the login. Never, from a login that needed
    nobody, would leave a person without the question that is meant for them.
    """
    login = request.login
    default = _default_mode(login)
    if _returns(source, request) and source.memory[login].interactive_mode in _MODES:
        return source.memory[login].interactive_mode
    old = source.text("interactiveMode")
    if old not in _MODES:
        return default
    if source.login not in ("", login):
        if source.kind == "kubeauth" and old == _default_mode(source.login):
            return default
        if old == "Never" and default != "Never":
            return default
    return old


def _default_mode(login: str) -> str:
    human = LOGINS[login].human if login in LOGINS else login == "interactive"
    return "IfAvailable" if human else "Never"


def _warnings(source: Source, request: ConvertRequest, values: Mapping[str, str]) -> Iterator[str]:
    if source.static:
        yield f"{source.static} stands beside it and wins: kubectl does not run the plugin"
    if source.values.get("pop-enabled") == "true" and "pop-enabled" not in values:
        yield "proof of possession (--pop-enabled) was left out: this login cannot do it"
    target = request.target
    for name, value in source.values.items():
        if value not in ("", "false") and not target.has(flags.BY_NAME[name]):
            yield f"--{name} was left out: {target.name} does not have it"
    if not is_cloud(environment := values.get("environment", "")):
        yield f"no Azure cloud is called {environment!r}, but that is what the old entry has"
    unknown = [argument.split("=")[0] for argument in source.others if argument.startswith("--")]
    if unknown := [name for name in unknown if name not in ("--v", "--logtostderr")]:
        yield f"arguments that kubeauth does not know were kept: {', '.join(unknown)}"
