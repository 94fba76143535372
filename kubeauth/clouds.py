"""The Azure clouds: the addresses of Entra ID and Resource Manager, and AKS's application id."""

from __future__ import annotations

from collections.abc import Mapping

from kubeauth import _env
from kubeauth.errors import SettingsError, did_you_mean
from kubeauth.files import read_text
from kubeauth.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "AKS_SERVER_ID",
    "ARC_SERVER_ID",
    "AZURE_CLI_CLIENT_ID",
    "CHINA",
    "CLOUD_NAMES",
    "KNOWN_AUTHORITY_HOSTS",
    "PUBLIC",
    "SERVER_NAMES",
    "US_GOVERNMENT",
    "Cloud",
    "check_cloud",
    "cloud_of_authority",
    "find_cloud",
    "is_https_address",
]

# The application that stands for every AKS cluster with Entra integration, in every cloud.
AKS_SERVER_ID: Final = "6dae42f8-4368-4678-94ff-3960e28e3630"
# The application of clusters that Azure Arc connects, which take proofs of possession only.
ARC_SERVER_ID: Final = "6256c85f-0aad-4d50-b960-e6e9b21efe35"
# The services that well-known server ids stand for, by their names for people.
SERVER_NAMES: Final = {
    AKS_SERVER_ID: "Azure Kubernetes Service",
    ARC_SERVER_ID: "Azure Arc",
}
# The public application of the Azure CLI, which every tenant knows and Resource Manager trusts.
AZURE_CLI_CLIENT_ID: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class Cloud(Record):
    """One Azure cloud; the URLs end in a slash, audiences do not.

    ``resource_manager_audience`` is that of tokens for Resource Manager,
    ``token_exchange_audience`` the ``aud`` that a federated token must have in this cloud.
    """

    name: str
    authority: str
    resource_manager: str
    resource_manager_audience: str
    token_exchange_audience: str

    @classmethod
    def other(cls, name: str, authority: str, manager: str, audience: str) -> Cloud:
        """Return a cloud outside Azure; its URLs may end with a slash or not."""
        return cls(
            name,
            authority.rstrip("/") + "/",
            manager.rstrip("/") + "/",
            audience.rstrip("/"),
            PUBLIC.token_exchange_audience,
        )


PUBLIC: Final = Cloud(
    "AzurePublicCloud",
    "https://login.microsoftonline.com/",
    "https://management.azure.com/",
    "https://management.azure.com",
    "api://AzureADTokenExchange",
)
US_GOVERNMENT: Final = Cloud(
    "AzureUSGovernmentCloud",
    "https://login.microsoftonline.us/",
    "https://management.usgovcloudapi.net/",
    "https://management.core.usgovcloudapi.net",
    "api://AzureADTokenExchangeUSGov",
)
CHINA: Final = Cloud(
    "AzureChinaCloud",
    "https://login.chinacloudapi.cn/",
    "https://management.chinacloudapi.cn/",
    "https://management.core.chinacloudapi.cn",
    "api://AzureADTokenExchangeChina",
)
_STACK: Final = "AzureStackCloud"

_BY_NAME: Final = {
    "azurepubliccloud": PUBLIC,
    "azurecloud": PUBLIC,
    "azurepublic": PUBLIC,
    "azureusgovernmentcloud": US_GOVERNMENT,
    "azureusgovernment": US_GOVERNMENT,
    "azurechinacloud": CHINA,
}

CLOUD_NAMES: Final = (PUBLIC.name, US_GOVERNMENT.name, CHINA.name, _STACK)

# Hosts that belong to Entra ID, so that their endpoints need neither discovery nor validation
# ("National clouds" and "Instance discovery" in Microsoft's identity platform documentation).
_BY_AUTHORITY_HOST: Final = {
    "login.microsoftonline.com": PUBLIC,
    "login.microsoft.com": PUBLIC,
    "login.windows.net": PUBLIC,
    "sts.windows.net": PUBLIC,
    "login.microsoftonline.us": US_GOVERNMENT,
    "login.usgovcloudapi.net": US_GOVERNMENT,
    "login-us.microsoftonline.com": US_GOVERNMENT,
    "login.chinacloudapi.cn": CHINA,
    "login.partner.microsoftonline.cn": CHINA,
}
KNOWN_AUTHORITY_HOSTS: Final = frozenset(_BY_AUTHORITY_HOST)


def check_cloud(name: str) -> None:
    """Raise SettingsError unless a cloud has this name; Azure Stack's own file is not read."""
    if name.lower() != _STACK.lower():
        find_cloud(name, {})


def find_cloud(name: str, environ: Mapping[str, str]) -> Cloud:
    """Return the cloud called ``name``, in upper or lower case; an empty name is the public cloud.

    For AzureStackCloud, read the JSON file that AZURE_ENVIRONMENT_FILEPATH in ``environ`` names.
    Raises SettingsError for an unknown name, or if that file cannot be read.
    """
    if not name:
        return PUBLIC
    if name.lower() == _STACK.lower():
        return _stack_cloud(environ.get(_env.AZURE_ENVIRONMENT_FILEPATH, ""))
    cloud = _BY_NAME.get(name.lower())
    if cloud is None:
        raise SettingsError(
            f"environment: unknown Azure cloud {name!r}",
            hint=did_you_mean(name, CLOUD_NAMES) + f"use one of {', '.join(CLOUD_NAMES)}",
        )
    return cloud


def cloud_of_authority(authority: str, environ: Mapping[str, str]) -> Cloud | None:
    """Return the cloud to which an authority's URL belongs; None if that cannot be told.

    It is one of Azure's, or the one that AZURE_ENVIRONMENT_FILEPATH in ``environ`` describes.
    Raises SettingsError if that file cannot be read.
    """
    from urllib.parse import urlsplit

    host = urlsplit(authority).hostname or ""
    if host in _BY_AUTHORITY_HOST:
        return _BY_AUTHORITY_HOST[host]
    if path := environ.get(_env.AZURE_ENVIRONMENT_FILEPATH):
        described = _stack_cloud(path)
        if urlsplit(described.authority).hostname == host:
            return described
    return None


def is_https_address(text: str) -> bool:
    """Return whether ``text`` is a plain https URL: a host, perhaps with a port and a path."""
    from urllib.parse import urlsplit

    try:
        url = urlsplit(text)
        unwanted = url.query or url.fragment or url.username or url.port == 0
    except ValueError:  # an unclosed bracket, a port that is not a number
        return False
    return url.scheme == "https" and bool(url.hostname) and not unwanted


def _stack_cloud(path: str) -> Cloud:
    """Read an Azure Stack Hub cloud from the file format of the Azure SDK for Go."""
    if not path:
        raise SettingsError(
            f"environment: {_STACK} needs a description of the cloud",
            hint=f"set {_env.AZURE_ENVIRONMENT_FILEPATH} to its JSON file",
        )
    import json

    try:
        described = json.loads(read_text(path))
        authority = described["activeDirectoryEndpoint"]
        resource_manager = described["resourceManagerEndpoint"]
        # The names in that format of the audience of Resource Manager's tokens.
        named = described.get("tokenAudience") or described.get("serviceManagementEndpoint")
        audience = named or resource_manager
        if not all(isinstance(text, str) for text in (authority, resource_manager, audience)):
            raise TypeError("an endpoint is not a string")
        if not is_https_address(authority):
            raise ValueError("activeDirectoryEndpoint is not an https URL")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SettingsError(
            f"environment: {path} does not describe an Azure Stack cloud ({error!r})",
            hint=f"{_env.AZURE_ENVIRONMENT_FILEPATH} must name a JSON file with "
            "activeDirectoryEndpoint and resourceManagerEndpoint",
        ) from error
    return Cloud.other(_STACK, authority, resource_manager, audience)
