"""Read what the Azure CLI knows: who is signed in to it, its subscription and its clouds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass, field
from typing import Any, Final

from kubeauth import _env
from kubeauth.clouds import Cloud, is_https_address
from kubeauth.errors import SettingsError
from kubeauth.files import read_text

__all__ = ["AzureProfile", "read_azure_cloud", "read_azure_profile"]

_FILE: Final = "azureProfile.json"
_CLOUDS: Final = "clouds.config"


@dataclass(frozen=True, slots=True)
class AzureProfile:
    """The part of the profile that counts here; all of it is empty if nobody is signed in.

    ``subscription_id``, ``cloud``, ``tenant_id`` and ``user`` are those of `az account set`;
    ``tenants`` has the tenant of each subscription by its id and by its name, in lower case.
    """

    subscription_id: str = ""
    cloud: str = ""
    tenant_id: str = ""
    user: str = ""
    tenants: Mapping[str, str] = field(default_factory=dict)

    @property
    def signed_in(self) -> bool:
        """Whether somebody is signed in to the Azure CLI."""
        return bool(self.tenants)


def read_azure_profile(environ: Mapping[str, str]) -> AzureProfile:
    """Read the profile in AZURE_CONFIG_DIR or ~/.azure; an unreadable one counts as empty.

    The file begins with a byte order mark.
    """
    try:
        listed = json.loads(read_text(os.path.join(_folder(environ), _FILE)))["subscriptions"]
        accounts: list[dict[str, Any]] = [each for each in listed if isinstance(each, dict)]
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return AzureProfile()
    tenants: dict[str, str] = {}
    for account in accounts:
        for name in (_text(account, "name"), _text(account, "id")):
            tenants[name.lower()] = _text(account, "tenantId")
    used = next((each for each in accounts if each.get("isDefault") is True), {})
    # `az login --allow-no-subscriptions` writes an account whose id is the tenant's.
    own = _text(used, "id") if _text(used, "id") != _text(used, "tenantId") else ""
    who = used.get("user")
    name = _text(who, "name") if isinstance(who, dict) else ""
    return AzureProfile(own, _text(used, "environmentName"), _text(used, "tenantId"), name, tenants)


def read_azure_cloud(name: str, environ: Mapping[str, str]) -> Cloud | None:
    """Return a cloud that `az cloud register` has made known to the Azure CLI; None without one.

    Source: azure-cli-core cloud.py, which writes clouds.config. Raises SettingsError for a cloud
    whose addresses are no https URLs.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(os.path.join(_folder(environ), _CLOUDS)))
        endpoints = parser[name]
    except (OSError, ValueError, LookupError, ConfigParserError):
        return None
    authority = endpoints.get("endpoint_active_directory", "")
    manager = endpoints.get("endpoint_resource_manager", "")
    audience = endpoints.get("endpoint_active_directory_resource_id", "") or manager
    if not is_https_address(authority) or not is_https_address(manager):
        raise SettingsError(
            f"the Azure CLI's cloud {name} has no https addresses of Entra ID and Resource Manager",
            hint=f"see them with `az cloud show --name {name}`; --resource-manager gives another",
        )
    return Cloud.other(name, authority, manager, audience)


def _folder(environ: Mapping[str, str]) -> str:
    return environ.get(_env.AZURE_CONFIG_DIR) or os.path.expanduser("~/.azure")


def _text(account: Mapping[str, Any], name: str) -> str:
    value = account.get(name)
    return value if isinstance(value, str) else ""
