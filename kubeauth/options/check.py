"""Check settings before a sign-in, and find the authority that they name."""

from __future__ import annotations

from collections.abc import Mapping

from kubeauth.clouds import AKS_SERVER_ID, check_cloud, find_cloud, is_https_address
from kubeauth.errors import SettingsError
from kubeauth.options.logins import LOGINS, Login, find_login
from kubeauth.options.pop_claims import read_claims
from kubeauth.options.settings import FIELD_NAMES, Settings, flag_of, origin_of
from kubeauth.options.variables import variables_for
from kubeauth.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["authority_of", "checked"]

# The characters of an id, or of a domain's name.
_TENANT: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")

# The path of AD FS's endpoints. Azure Stack Hub's description of a cloud writes it after the host;
# MSAL takes it as the tenant.
_ADFS: Final = "/adfs/"


def checked(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings in normal form, or raise SettingsError for a missing or wrong value.

    The error names the value and the flag or variable that sets it. The tenant becomes lower case,
    because MSAL's cache confuses two spellings of one tenant.
    """
    login = find_login(settings.login)
    _check_proof(settings, login)
    if _named_authority(settings, environ).lower().endswith(_ADFS):
        settings = replace(settings, tenant_id="adfs")
    for name in ("server_id", *login.needs):
        if not getattr(settings, name):
            raise _missing(settings, login, name)
    if login.needs_one_of and not any(getattr(settings, name) for name in login.needs_one_of):
        # Name the two settings that most people use.
        raise _missing(settings, login, *login.needs_one_of[:2])
    _check_text(settings)
    normal = replace(settings, tenant_id=settings.tenant_id.lower())
    if not _TENANT.issuperset(normal.tenant_id):
        raise SettingsError(
            f"tenant-id: {settings.tenant_id!r} is neither an id nor a domain name",
            hint=origin_of(settings, "tenant_id")
            + "give the tenant's id, as `az account show` prints it",
        )
    return normal


def _check_text(settings: Settings) -> None:
    """Raise SettingsError for a value that is not UTF-8 and for a resource that is not one word."""
    for name in FIELD_NAMES:
        value = getattr(settings, name)
        try:
            (value if isinstance(value, str) else "").encode()
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"{flag_of(name)}: the value holds a character that is not UTF-8",
                hint=origin_of(settings, name) + "give it in UTF-8",
            ) from error
    if not settings.resource or settings.resource.split() != [settings.resource]:
        raise SettingsError(
            f"server-id: {settings.server_id!r} is not the id of an API server",
            hint=f"give the application id of the API server; for AKS it is {AKS_SERVER_ID}",
        )


def _check_proof(settings: Settings, login: Login) -> None:
    """Raise SettingsError if the settings of a proof of possession are wrong for this login."""
    if not (settings.pop_enabled or settings.pop_claims):
        return
    if not login.proves:
        able = ", ".join(name for name, row in LOGINS.items() if row.proves)
        raise SettingsError(
            f"login {login.name}: this login does not support proof of possession",
            hint=f"leave out --pop-enabled and --pop-claims, or use --login with one of {able}",
        )
    for name, other in (("pop_enabled", "pop_claims"), ("pop_claims", "pop_enabled")):
        if not getattr(settings, name):
            raise SettingsError(
                f"login {login.name}: {flag_of(name)} is required with {flag_of(other)}",
                hint=f"give {flag_of(name)}, or leave out both",
            )
    read_claims(settings.pop_claims)


def _missing(settings: Settings, login: Login, *names: str) -> SettingsError:
    """Return the error for a missing value, or for several values if one of them is enough."""
    flags = " or ".join(map(flag_of, names))
    terraform = settings.use_azurerm_env_vars
    sources = [s for name in names for s in variables_for(login, name, terraform=terraform)]
    hint = f"give {flags}" + (f" or set {' or '.join(sources)}" if sources else "")
    if login.missing_hint and names != ("server_id",):
        hint += f"; {login.missing_hint}"
    if names == ("server_id",):
        hint += f"; for AKS it is {AKS_SERVER_ID}"
    return SettingsError(f"login {login.name}: {flags} is required", hint=hint)


def authority_of(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the URL of the authority, ending in a slash: ``authority_host``, else the cloud's.

    The URL of an AD FS server comes without its ``adfs/``, which takes the place of the tenant.
    Raises SettingsError for an unknown cloud and for a host that is not an https URL.
    """
    named = _named_authority(settings, environ)
    return named[: 1 - len(_ADFS)] if named.lower().endswith(_ADFS) else named


def _named_authority(settings: Settings, environ: Mapping[str, str]) -> str:
    if not settings.authority_host:
        return find_cloud(settings.environment, environ).authority
    check_cloud(settings.environment)
    if not is_https_address(settings.authority_host):
        raise SettingsError(
            f"authority-host: {settings.authority_host!r} is not an https URL",
            hint=origin_of(settings, "authority_host")
            + "give it like https://login.microsoftonline.com/",
        )
    return settings.authority_host.rstrip("/") + "/"
