"""``--explain``: every value of a sign-in and where it came from, without the secrets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from kubeauth import _env
from kubeauth.cache.storage.location import cache_path
from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.entry import UserSignIn
from kubeauth.options.check import authority_of
from kubeauth.options.logins import find_login
from kubeauth.options.settings import FLAGS, Settings, flag_of
from kubeauth.options.variables import known_variables
from kubeauth.providers.base import provider_class
from kubeauth.sanitize import masked
from kubeauth.system import System

__all__ = ["explain", "idle_variables", "origins_in_kubeconfig", "values_of"]

_HIDDEN: Final = "(hidden)"
_DEFAULT: Final = "default"


def explain(
    settings: Settings, environ: Mapping[str, str], from_kubeconfig: Collection[str] = ()
) -> str:
    """Return the values that a sign-in would use, one a line: name, value, origin.

    The last lines name variables that are set but do not count, with the reason. Raises
    SettingsError for a value that cannot be read, but not for a missing value.
    ``from_kubeconfig`` are the origins that the kubeconfig sets.
    """
    rows = values_of(settings, environ, from_kubeconfig)
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    ignored = [
        f"{name} is set and does not count: {why}"
        for name, why in idle_variables(settings, environ)
    ]
    return "\n".join([*lines, *ignored])


def values_of(
    settings: Settings, environ: Mapping[str, str], from_kubeconfig: Collection[str] = ()
) -> list[tuple[str, str, str]]:
    """Return the values as ``explain`` does, as name, value and origin."""
    # NOTE: an address may hold a password.
    return [
        (
            name,
            masked(value, settings.secrets),
            f"{origin} in the kubeconfig" if origin in from_kubeconfig else origin,
        )
        for name, value, origin in (*_values(settings), *_derived(settings, environ))
    ]


def origins_in_kubeconfig(user: UserSignIn, given: Collection[str]) -> frozenset[str]:
    """Return the flags and variables that a kubeconfig's user sets, without those ``given``."""
    flags = (flag_of(name) for name in user.values if name not in given)
    return frozenset((*flags, *user.environ))


def _values(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for flag in FLAGS:
        value = getattr(settings, flag.field, "")
        if value in ("", None, False):
            continue
        origin = settings.origins.get(flag.field, _DEFAULT)
        if flag.secret:
            text = _HIDDEN
        elif flag.kind is bool:
            text = "true"
        elif flag.kind is float:
            text = f"{value:g}s"
        else:
            text = _without_arguments(str(value))
        yield flag.name, text, origin
    if settings.assertion:
        yield "assertion", _HIDDEN, settings.origins.get("assertion", _DEFAULT)


def _without_arguments(value: str) -> str:
    """Return an assertion source without its command's arguments, which could hold a secret."""
    kind, colon, command = value.partition(":")
    if kind != "command" or not colon or " " not in command.strip():
        return value
    return f"{kind}:{command.split()[0]} …"


def _derived(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the values that kubeauth derives from the settings."""
    login, kind = find_login(settings.login), provider_class(settings.login)
    authority = ""
    yield "(scope)", settings.scope, "--server-id" + (", --legacy" if settings.legacy else "")
    try:
        authority = authority_of(settings, environ)
        source = "authority_host" if settings.authority_host else "environment"
        yield "(authority)", authority, settings.origins.get(source, "default: the public cloud")
    except SettingsError as error:
        yield "(authority)", f"none: {error}", ""
    yield from kind.findings(settings, System(environ=environ), authority)
    for field, limit in kind.default_limits(environ).items():
        if getattr(settings, field) is None:
            yield field.replace("_", "-"), f"{limit:g}s", _DEFAULT
    folder = cache_path(settings.cache_dir, environ)
    cache_origin = next(
        (name for name in (_env.KUBEAUTH_CACHE_DIR, _env.KUBECACHEDIR) if environ.get(name)),
        _DEFAULT,
    )
    yield "(cache)", str(folder or "none"), settings.origins.get("cache_dir", cache_origin)
    trusted = ((settings.ca_file, "--ca-file"), *((environ.get(n, ""), n) for n in _env.CA_FILES))
    path, trust = next((t for t in trusted if t[0]), ("the operating system's", _DEFAULT))
    yield "(certificates)", path, trust
    if not login.human:
        yield "(person)", "not needed", f"login {login.name}"


def idle_variables(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable that is set but has no effect, with the reason."""
    used = set(settings.origins.values())
    off = settings.disable_environment_override
    terraform = settings.use_azurerm_env_vars
    for name in (_env.AAD_LOGIN_METHOD, *_env.ARM_USE):
        if not environ.get(name) or name in used:
            continue
        if off:
            yield name, "--disable-environment-override"
        elif not terraform:
            yield name, "--use-azurerm-env-vars is not given"
        else:
            yield name, f"{settings.origins.get('login', 'another variable')} counts instead"
    for variable, of_terraform in known_variables():
        if not environ.get(variable.name) or variable.name in used:
            continue
        if off:
            yield variable.name, "--disable-environment-override"
        elif of_terraform is not None and of_terraform != terraform:
            given = "is given" if terraform else "is not given"
            yield variable.name, f"--use-azurerm-env-vars {given}"
        elif variable.logins and settings.login not in variable.logins:
            yield variable.name, f"login {settings.login} does not read it"
        else:
            yield variable.name, f"{settings.origins.get(variable.field, 'a flag')} counts instead"
