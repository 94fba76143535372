"""Combine typed flags and environment variables into Settings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubeauth import _env
from kubeauth.clouds import CHINA, PUBLIC, US_GOVERNMENT
from kubeauth.errors import SettingsError
from kubeauth.options.duration import parse_duration
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings, flag_of
from kubeauth.options.variables import Variable, login_of_terraform, variables_that_apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["resolve", "with_origins"]


def resolve(explicit: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings of the typed values (by field name) and the variables in ``environ``.

    A variable that is set but empty counts as unset. Raises SettingsError for an unknown login or a
    variable that cannot be read; ``checked`` reports missing values.
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


# Terraform's azurerm provider has its own names for the clouds.
_TERRAFORM_CLOUDS: Final = {
    "public": PUBLIC.name,
    "usgovernment": US_GOVERNMENT.name,
    "china": CHINA.name,
}


# How a variable switches something off.
_OFF: Final = ("0", "f", "false", "n", "no", "off")


def _read(variable: Variable, text: str) -> Any:
    if variable.name == _env.ARM_ENVIRONMENT:
        return _TERRAFORM_CLOUDS.get(text.lower(), text)
    if variable.field == "no_background_refresh":
        return text.lower() in _OFF
    if variable.field != "timeout":
        return text
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SettingsError(
            f"{variable.name}: {error}", hint=f"set {variable.name} to a duration like 60s"
        ) from error


def with_origins(hint: str, settings: Settings) -> str:
    """Return the hint, and add which variables override the flags that it names."""
    more = [
        f"{origin} sets {flag_of(name)} here"
        for name, origin in settings.origins.items()
        if not origin.startswith("--")
        and origin not in hint
        and re.search(rf"{flag_of(name)}(?![\w-])", hint)
    ]
    return "; ".join([hint, *more])
