"""One user's new exec block, decided in memory from the old entry and the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubeauth._env import AAD_LOGIN_METHOD, KUBERNETES_EXEC_INFO
from kubeauth.clouds import AKS_SERVER_ID, check_cloud
from kubeauth.errors import SettingsError
from kubeauth.options.flags import BY_FIELD, to_argv
from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import flag_of
from kubeauth.options.take_over import taken_over
from kubeauth.options.variables import variables_for
from kubeauth_plugin.convert.previous_logins import PreviousLogin
from kubeauth_plugin.convert.request import KUBEAUTH, V1, V1BETA1, ConvertRequest, is_set
from kubeauth_plugin.convert.source import Source

__all__ = ["Converted", "convert_user"]

_EXEC_INFO: Final = '{"apiVersion":"%s","kind":"ExecCredential","spec":{}}'
_MODES: Final = ("Never", "IfAvailable", "Always")
# How to clear each half of a proof of possession.
_CLEARED: Final = {"pop_enabled": "--pop-enabled=false", "pop_claims": '--pop-claims ""'}


@dataclass(frozen=True, slots=True)
class Converted:
    """A user's new exec block: its fields, and the variables to set in its environment.

    ``memory`` is what the entry remembers of the user's other logins, ``warnings`` are sentences.
    ``token_file`` is the file that takes the exec block's place.
    """

    fields: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, str]
    memory: Mapping[str, PreviousLogin]
    warnings: tuple[str, ...] = ()
    token_file: str = ""


def convert_user(source: Source, request: ConvertRequest) -> Converted:
    """Return what a user's entry must hold to sign in as the request says.

    Raises SettingsError for a setting that the login needs and neither the command line nor the old
    entry has.
    """
    values = _values(source, request)
    for name in ("server_id", *request.rule.need):
        if name not in values and not _is_in_variables(source, request, values, name):
            raise SettingsError(
                f"login {request.login}: {flag_of(name)} is required",
                hint=f"give {flag_of(name)}"
                + (f"; for AKS it is {AKS_SERVER_ID}" if name == "server_id" else ""),
            )
    _check_proof(values)
    command, *prefix = _command(source, request)
    args = _arguments(source, request, values, prefix)
    fields: dict[str, Any] = {
        "apiVersion": (version := request.api_version or _api_version(source)),
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
    if request.azure_config_dir and request.rule.config_folder:
        variables[request.rule.config_folder] = request.azure_config_dir
    # Both Java clients hand over no exec info and refuse an answer in another version than the
    # entry's. kubectl and every client that hands it over replace this value with their own.
    ours = request.target is KUBEAUTH
    if ours and (version == V1 or source.variable(KUBERNETES_EXEC_INFO) is not None):
        variables[KUBERNETES_EXEC_INFO] = _EXEC_INFO % version
    # The variable would win over the new --login.
    if source.sign_in.environ.get(AAD_LOGIN_METHOD, request.login) != request.login:
        variables[AAD_LOGIN_METHOD] = request.login
    memory = _memory(source, request, values)
    return Converted(fields, variables, memory, tuple(_warnings(source, request, values)))


def _values(source: Source, request: ConvertRequest) -> dict[str, str]:
    """Decide each setting's value: typed, the old entry's, an earlier entry's, or absent."""
    rule = request.rule
    groups = [g for g in rule.instead if any(request.typed.get(name) for name in g)]
    replaced = {name for g in rule.instead if groups and g not in groups for name in g}
    old = taken_over(source.sign_in.login, request.login, written=True) - replaced
    if source.sign_in.kind == "kubelogin":
        old -= set(rule.not_from_kubelogin)
    earlier = source.memory[request.login].values if _returns(source, request) else {}
    values = {name: value for name, value in earlier.items() if name not in replaced}
    values.update((name, value) for name, value in source.sign_in.values.items() if name in old)
    values.update(request.typed)
    return {
        name: value
        for name, value in values.items()
        if name in request.fields
        and name not in request.outvoted
        and value
        and not (BY_FIELD[name].kind is bool and value == "false")
    }


def _returns(source: Source, request: ConvertRequest) -> bool:
    """Whether the user had this login before, and something of it was remembered."""
    return source.sign_in.login != request.login and request.login in source.memory


def _memory(
    source: Source, request: ConvertRequest, values: Mapping[str, str]
) -> dict[str, PreviousLogin]:
    """Return what to remember: what the user's other logins had and this one does not have."""
    memory = {login: entry for login, entry in source.memory.items() if login != request.login}
    login = source.sign_in.login or "devicecode"  # an auth-provider means a device code
    if login == request.login:
        return memory
    memory.pop(login, None)
    given = LOGINS[login].entry.given if login in LOGINS else ()
    lost = {
        name: value
        for name, value in source.sign_in.values.items()
        if (values.get(name) != value or name in given)
        and is_set(value)
        and not BY_FIELD[name].secret
    }
    mode = source.text("interactiveMode")
    chosen = mode if mode in _MODES and mode != _default_mode(login) else ""
    if lost or chosen:
        memory[login] = PreviousLogin(lost, chosen)
    return memory


def _is_in_variables(
    source: Source, request: ConvertRequest, values: Mapping[str, str], name: str
) -> bool:
    """Whether a variable of the exec block, which stays there, gives the login a setting."""
    login = LOGINS.get(request.login)
    if login is None or values.get("disable_environment_override") == "true":
        return False
    terraform = values.get("use_azurerm_env_vars") == "true"
    names = variables_for(login, name, terraform=terraform)
    return any(source.sign_in.environ.get(variable) for variable in names)


def _check_proof(values: Mapping[str, str]) -> None:
    """Refuse half of what a proof of possession needs."""
    for name, other in (("pop_enabled", "pop_claims"), ("pop_claims", "pop_enabled")):
        if name in values and other not in values:
            raise SettingsError(
                f"{flag_of(other)} is required with {flag_of(name)}",
                hint=f"give {flag_of(other)}, or clear the other one: {_CLEARED[name]}",
            )


def _command(source: Source, request: ConvertRequest) -> tuple[str, ...]:
    if source.sign_in.kind == request.target.name and request.keep_command:
        return (source.text("command"), *source.sign_in.prefix)
    return request.command


def _arguments(
    source: Source, request: ConvertRequest, values: Mapping[str, str], prefix: Sequence[str]
) -> list[str]:
    """Return the argument list: the old one if it is ours and means the same, else a new one."""
    ordered = [
        ("login", request.login),
        *((BY_FIELD[name].name, values[name]) for name in request.fields if name in values),
    ]
    args = [*prefix, "get-token", *to_argv(ordered), *source.sign_in.others]
    if source.sign_in.kind == "kubeauth" and source.sign_in.login == request.login:
        same = {n: v for n, v in source.sign_in.values.items() if is_set(v)} == dict(values)
        renamed = any(argument.startswith("--token-cache-dir") for argument in source.sign_in.args)
        runs = "get-token" in source.sign_in.args
        if same and runs and not renamed and tuple(prefix) == source.sign_in.prefix:
            return list(source.sign_in.args)
    return args


def _api_version(source: Source) -> str:
    return V1 if source.text("apiVersion") == V1 else V1BETA1


def _interactive_mode(source: Source, request: ConvertRequest) -> str:
    """Return the mode for kubectl; keep one that a person chose, as long as it can work.

    kubeauth's default for the old login changes to that for the new one. A login of a program has
    Never, which would keep kubectl from asking the person that the new login needs.
    """
    login = request.login
    default = _default_mode(login)
    if _returns(source, request) and source.memory[login].interactive_mode in _MODES:
        return source.memory[login].interactive_mode
    old = source.text("interactiveMode")
    if old not in _MODES:
        return default
    if source.sign_in.login not in ("", login):
        if source.sign_in.kind == "kubeauth" and old == _default_mode(source.sign_in.login):
            return default
        if old == "Never" and default != "Never":
            return default
    return old


def _default_mode(login: str) -> str:
    return "IfAvailable" if login in LOGINS and LOGINS[login].human else "Never"


def _warnings(source: Source, request: ConvertRequest, values: Mapping[str, str]) -> Iterator[str]:
    if source.sign_in.static:
        yield f"the user also has {source.sign_in.static}, so kubectl does not run the plugin"
    if source.sign_in.values.get("pop_enabled") == "true" and "pop_enabled" not in values:
        yield "proof of possession (--pop-enabled) was left out: this login cannot do it"
    target = request.target
    for name, value in source.sign_in.values.items():
        if is_set(value) and not target.has(BY_FIELD[name]):
            yield f"{flag_of(name)} was left out: {target.name} does not have it"
    try:
        check_cloud(environment := values.get("environment", ""))
    except SettingsError:
        yield f"the old entry has the cloud {environment!r}, which does not exist"
    unknown = [
        argument.split("=")[0] for argument in source.sign_in.others if argument.startswith("--")
    ]
    if unknown := [name for name in unknown if name not in ("--v", "--logtostderr")]:
        yield f"arguments that kubeauth does not know were kept: {', '.join(unknown)}"
