"""What was asked: the sign-in's settings, where each came from, and which one wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from kubeauth import _env
from kubeauth.clouds import CHINA, PUBLIC, US_GOVERNMENT, find_cloud, is_https_address
from kubeauth.errors import SettingsError
from kubeauth.options.duration import parse_duration
from kubeauth.options.logins import LOGINS, Login, find_login
from kubeauth.options.pop_claims import read_claims
from kubeauth.options.variables import (
    Variable,
    login_of_terraform,
    variables_for,
    variables_that_apply,
)

__all__ = ["Settings", "authority_of", "checked", "origin_of", "resolve", "with_origins"]

# AD FS has one directory; what its endpoints begin with is written after the host's name by some
# (Azure Stack Hub's descriptions of a cloud), and as the tenant by others (MSAL).
_ADFS: Final = "/adfs/"


@dataclass(frozen=True, slots=True)
class Settings:
    """One sign-in, as asked for; empty strings and None mean "not given".

    ``timeout`` and ``person_timeout`` are in seconds. ``origins`` names where a value came from (a
    flag, a variable), by field.
    """

    login: str = "devicecode"
    server_id: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""
    client_secret_env: str = ""
    client_secret_keyring: str = ""
    client_certificate: str = ""
    client_certificate_key: str = ""
    client_certificate_password: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    identity_resource_id: str = ""
    identity_object_id: str = ""
    subscription: str = ""
    environment: str = ""
    authority_host: str = ""
    federated_token_file: str = ""
    assertion_source: str = ""
    assertion_audience: str = ""
    assertion: str = field(default="", repr=False)
    claims: str = ""
    azure_pipelines_service_connection_id: str = ""
    redirect_url: str = ""
    redirect_port: str = ""
    login_hint: str = ""
    prompt: str = ""
    browser_command: str = ""
    no_browser: bool = False
    open: bool = False
    qr: bool = False
    pop_enabled: bool = False
    pop_claims: str = ""
    ca_file: str = ""
    cache_dir: str = ""
    cache_storage: str = ""
    timeout: float | None = None
    connect_timeout: float | None = None
    read_timeout: float | None = None
    person_timeout: float | None = None
    legacy: bool = False
    force_refresh: bool = False
    disable_instance_discovery: bool = False
    disable_environment_override: bool = False
    use_azurerm_env_vars: bool = False
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def resource(self) -> str:
        """The audience the token must have, without ``/.default``."""
        return self.server_id.removesuffix("/.default").rstrip("/")

    @property
    def scope(self) -> str:
        """The scope to ask Entra ID for (v2 endpoint): the resource's ``/.default``."""
        prefix = "spn:" if self.legacy and not self.resource.startswith("spn:") else ""
        return f"{prefix}{self.resource}/.default"


def resolve(explicit: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Combine what was typed (by field name) with the variables in ``environ``.

    A variable that is set but empty counts as unset. Raises SettingsError for a login nobody knows
    or a variable that cannot be read; whether anything is missing is for ``checked`` to say.
    """
    values = {name: value for name, value in explicit.items() if value not in ("", None)}
    origins = {name: "--" + name.replace("_", "-") for name in values}
    if not values.get("disable_environment_override"):
        terraform = bool(values.get("use_azurerm_env_vars"))
        chosen = login_of_terraform(environ) if terraform and "login" not in values else None
        if login := environ.get(_env.AAD_LOGIN_METHOD):
            chosen = login, _env.AAD_LOGIN_METHOD
        if chosen is not None:
            values["login"], origins["login"] = chosen
        row = find_login(values.get("login", Settings().login), origins.get("login", "--login"))
        typed = frozenset(values)
        for variable, text in variables_that_apply(row, typed, environ, terraform=terraform):
            values[variable.field] = _read(variable, text)
            origins[variable.field] = variable.name
    return Settings(**values, origins=origins)


# What the azurerm provider calls the clouds.
_TERRAFORM_CLOUDS: Final = {
    "public": PUBLIC.name,
    "usgovernment": US_GOVERNMENT.name,
    "china": CHINA.name,
}


def _read(variable: Variable, text: str) -> Any:
    if variable.name == _env.ARM_ENVIRONMENT:
        return _TERRAFORM_CLOUDS.get(text.lower(), text)
    if variable.field != "timeout":
        return text
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SettingsError(
            f"{variable.name}: {error}", hint=f"set {variable.name} to something like 60s"
        ) from error


def checked(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Give the same settings in normal form, complete and plausible enough to start a sign-in.

    Raises SettingsError that names what is missing or wrong and where to give it. Tenants are
    lower-cased since MSAL's cache confuses spellings of one tenant otherwise.
    """
    login = find_login(settings.login)
    _check_proof(settings, login)
    if _named_authority(settings, environ).lower().endswith(_ADFS):
        settings = replace(settings, tenant_id="adfs")
    for name in ("server_id", *login.needs):
        if not getattr(settings, name):
            raise _missing(settings, login, name)
    if login.needs_one_of and not any(getattr(settings, name) for name in login.needs_one_of):
        # The first two are what people know; the others are doors beside them.
        raise _missing(settings, login, *login.needs_one_of[:2])
    _check_text(settings)
    normal = replace(settings, tenant_id=settings.tenant_id.lower())
    if not re.fullmatch(r"[a-z0-9.-]*", normal.tenant_id):
        raise SettingsError(
            f"tenant-id: {settings.tenant_id!r} is neither an id nor a domain name",
            hint=origin_of(settings, "tenant_id")
            + "give the tenant's id, as `az account show` prints it",
        )
    return normal


def _check_text(settings: Settings) -> None:
    """Refuse values that nobody could mean, or that cannot be sent."""
    for name in FIELD_NAMES:
        value = getattr(settings, name)
        try:
            (value if isinstance(value, str) else "").encode()
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"{_flag(name)}: it holds a character that is not UTF-8",
                hint=origin_of(settings, name) + "give it in UTF-8",
            ) from error
    if not settings.resource or settings.resource.split() != [settings.resource]:
        raise SettingsError(
            f"server-id: {settings.server_id!r} names no API server",
            hint="give the application id of the API server; for AKS it is "
            "6dae42f8-4368-4678-94ff-3960e28e3630",
        )


def _check_proof(settings: Settings, login: Login) -> None:
    """Refuse a proof of possession that is incomplete, or that this login cannot give."""
    if not (settings.pop_enabled or settings.pop_claims):
        return
    if not login.proves:
        able = ", ".join(name for name, row in LOGINS.items() if row.proves)
        raise SettingsError(
            f"login {login.name}: proof of possession is not possible",
            hint=f"leave out --pop-enabled and --pop-claims, or use --login with one of {able}",
        )
    for name, other in (("pop_enabled", "pop_claims"), ("pop_claims", "pop_enabled")):
        if not getattr(settings, name):
            raise SettingsError(
                f"login {login.name}: {_flag(name)} is required with {_flag(other)}",
                hint=f"give {_flag(name)}, or leave out both",
            )
    read_claims(settings.pop_claims)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _missing(settings: Settings, login: Login, *names: str) -> SettingsError:
    """Make the error for a value that is missing, or for several of which one is needed."""
    flags = " or ".join(map(_flag, names))
    terraform = settings.use_azurerm_env_vars
    sources = [s for name in names for s in variables_for(login, name, terraform=terraform)]
    hint = f"give {flags}" + (f" or set {' or '.join(sources)}" if sources else "")
    if login.name == "workloadidentity" and names != ("server_id",):
        hint += '; a pod has them if it carries the label azure.workload.identity/use: "true"'
    if names == ("server_id",):
        hint += "; for AKS it is 6dae42f8-4368-4678-94ff-3960e28e3630"
    return SettingsError(f"login {login.name}: {flags} is required", hint=hint)


def with_origins(hint: str, settings: Settings) -> str:
    """Add to a hint which of the flags that it names are overridden by variables here."""
    more = [
        f"{origin} sets {_flag(name)} here"
        for name, origin in settings.origins.items()
        if not origin.startswith("--")
        and origin not in hint
        and re.search(rf"{_flag(name)}(?![\w-])", hint)
    ]
    return "; ".join([hint, *more])


def origin_of(settings: Settings, name: str) -> str:
    """Say where a value came from, for the beginning of a hint; "" if that is not known."""
    origin = settings.origins.get(name)
    return f"it came from {origin}; " if origin else ""


def authority_of(settings: Settings, environ: Mapping[str, str]) -> str:
    """Give the URL of the authority, ending in a slash: the host that was named, else the cloud's.

    That of AD FS is given without its ``adfs/``, which is in the place of a tenant there. Raises
    SettingsError for an unknown cloud and for a host that is not an https URL.
    """
    named = _named_authority(settings, environ)
    return named[: 1 - len(_ADFS)] if named.lower().endswith(_ADFS) else named


def _named_authority(settings: Settings, environ: Mapping[str, str]) -> str:
    if not settings.authority_host:
        return find_cloud(settings.environment, environ).authority
    if not is_https_address(settings.authority_host):
        raise SettingsError(
            f"authority-host: {settings.authority_host!r} is not an https URL",
            hint=origin_of(settings, "authority_host")
            + "give it like https://login.microsoftonline.com/",
        )
    return settings.authority_host.rstrip("/") + "/"


FIELD_NAMES: Final = tuple(f.name for f in fields(Settings) if f.name != "origins")
