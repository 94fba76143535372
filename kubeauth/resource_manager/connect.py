"""Make a client of Resource Manager from the settings of a sign-in to a cluster."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from kubeauth import _env
from kubeauth.adapters.limits import LARGEST_LIST
from kubeauth.clouds import (
    AZURE_CLI_CLIENT_ID,
    Cloud,
    cloud_of_authority,
    find_cloud,
    is_https_address,
)
from kubeauth.errors import SettingsError
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.providers.base import provider_for
from kubeauth.record import replace
from kubeauth.resource_manager.client import ResourceManager
from kubeauth.system import System

if TYPE_CHECKING:
    from kubeauth.adapters.http import HttpSession

__all__ = ["resource_manager_for"]

# The tenant of whoever signs in ("OpenID Connect on the Microsoft identity platform").
_ANY_TENANT: Final = "organizations"


def resource_manager_for(
    settings: Settings, system: System, address: str = "", cloud: Cloud | None = None
) -> ResourceManager:
    """Return the cloud's Resource Manager, or the one at ``address``, for one sign-in's identity.

    The cloud is that of the settings: of `environment`, else of `authority_host`; ``cloud`` is
    another one that the settings do not name.

    ``settings`` are those of a sign-in to a cluster; what concerns only the cluster does not count.
    A person without a client id signs in as the Azure CLI does, without a tenant in their own.
    Raises SettingsError.
    """
    base, audience = _place(settings, system, address, cloud)
    login = find_login(settings.login)
    own = replace(settings, server_id=audience, legacy=False, pop_enabled=False, pop_claims="")
    if login.public_client:
        own = replace(
            own,
            client_id=own.client_id or AZURE_CLI_CLIENT_ID,
            tenant_id=own.tenant_id or _ANY_TENANT,
        )
    provider = provider_for(own, replace(system, purpose="Azure Resource Manager"))

    @cache
    def first_session() -> HttpSession:
        return system.open_session(
            environ=system.environ,
            ca_file=settings.ca_file,
            limit=settings.timeout,
            connect_limit=settings.connect_timeout,
            read_limit=settings.read_timeout,
            largest=LARGEST_LIST,
        )

    return ResourceManager(base, provider, lambda: first_session().renewed(settings.timeout))


def _place(
    settings: Settings, system: System, address: str, cloud: Cloud | None
) -> tuple[str, str]:
    """Return Resource Manager's URL and the audience of its tokens."""
    if cloud is None and settings.authority_host and not settings.environment:
        cloud = cloud_of_authority(settings.authority_host, system.environ)
        if cloud is None and not address:
            raise SettingsError(
                f"resource-manager: no known cloud has the authority {settings.authority_host}",
                hint="give --resource-manager, or describe the cloud in the file of "
                f"{_env.AZURE_ENVIRONMENT_FILEPATH}",
            )
    cloud = cloud or find_cloud(settings.environment, system.environ)
    if not address:
        return cloud.resource_manager, cloud.resource_manager_audience
    if not is_https_address(address):
        raise SettingsError(
            f"resource-manager: {address!r} is not an https URL",
            hint="give it like https://management.azure.com",
        )
    same = address.rstrip("/").lower() == cloud.resource_manager.rstrip("/")
    return address, cloud.resource_manager_audience if same else address.rstrip("/")
