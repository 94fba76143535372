"""Entra ID tokens for Kubernetes API servers, from Python.

    from kubeauth import AKS_SERVER_ID, ServicePrincipal

    provider = ServicePrincipal(
        server_id=AKS_SERVER_ID,
        tenant_id=..., client_id=..., client_secret=...,
    )
    provider.get_token().token

Every provider caches its token for later calls and other processes; see
``kubeauth.providers.base``. Failures are the classes of ``kubeauth.errors``, each with a ``hint``.
Importing this package is cheap: it loads a name when a program first uses it (PEP 562).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from kubeauth import integrations
    from kubeauth.chain import Chain
    from kubeauth.clouds import AKS_SERVER_ID
    from kubeauth.credential import Credential
    from kubeauth.errors import (
        InteractionRequired,
        KubeauthError,
        KubeconfigError,
        SettingsError,
        SignInCancelled,
        SignInError,
        SignInRefused,
        Throttled,
        ToolError,
        Unreachable,
        UntrustedKubeconfig,
    )
    from kubeauth.factory import from_environ, from_kubeconfig, from_settings
    from kubeauth.kubeconfig.entry import Cluster
    from kubeauth.options.settings import Settings
    from kubeauth.providers.auto import Auto
    from kubeauth.providers.azure_cli import AzureCli
    from kubeauth.providers.azure_developer_cli import AzureDeveloperCli
    from kubeauth.providers.azure_pipelines import AzurePipelines
    from kubeauth.providers.azure_powershell import AzurePowerShell
    from kubeauth.providers.base import Provider, provider_for
    from kubeauth.providers.default_azure import DefaultAzure
    from kubeauth.providers.device_code import DeviceCode
    from kubeauth.providers.from_azure_identity import FromAzureIdentity
    from kubeauth.providers.interactive import Interactive
    from kubeauth.providers.managed_identity import ManagedIdentity
    from kubeauth.providers.password import Password
    from kubeauth.providers.service_principal import ServicePrincipal
    from kubeauth.providers.visual_studio_code import VisualStudioCode
    from kubeauth.providers.workload_identity import WorkloadIdentity
    from kubeauth.system import System
    from kubeauth.token import AccessToken

    __version__: str

__all__ = [
    "AKS_SERVER_ID",
    "AccessToken",
    "Auto",
    "AzureCli",
    "AzureDeveloperCli",
    "AzurePipelines",
    "AzurePowerShell",
    "Chain",
    "Cluster",
    "Credential",
    "DefaultAzure",
    "DeviceCode",
    "FromAzureIdentity",
    "InteractionRequired",
    "Interactive",
    "KubeauthError",
    "KubeconfigError",
    "ManagedIdentity",
    "Password",
    "Provider",
    "ServicePrincipal",
    "Settings",
    "SettingsError",
    "SignInCancelled",
    "SignInError",
    "SignInRefused",
    "System",
    "Throttled",
    "ToolError",
    "Unreachable",
    "UntrustedKubeconfig",
    "VisualStudioCode",
    "WorkloadIdentity",
    "from_environ",
    "from_kubeconfig",
    "from_settings",
    "integrations",
    "provider_for",
]

_HOMES: Final = {
    "AKS_SERVER_ID": "clouds",
    "AccessToken": "token",
    "Auto": "providers.auto",
    "AzureCli": "providers.azure_cli",
    "AzureDeveloperCli": "providers.azure_developer_cli",
    "AzurePipelines": "providers.azure_pipelines",
    "AzurePowerShell": "providers.azure_powershell",
    "Chain": "chain",
    "Cluster": "kubeconfig.entry",
    "Credential": "credential",
    "DefaultAzure": "providers.default_azure",
    "DeviceCode": "providers.device_code",
    "FromAzureIdentity": "providers.from_azure_identity",
    "Interactive": "providers.interactive",
    "ManagedIdentity": "providers.managed_identity",
    "Password": "providers.password",
    "Provider": "providers.base",
    "ServicePrincipal": "providers.service_principal",
    "Settings": "options.settings",
    "System": "system",
    "VisualStudioCode": "providers.visual_studio_code",
    "WorkloadIdentity": "providers.workload_identity",
    "from_environ": "factory",
    "from_kubeconfig": "factory",
    "from_settings": "factory",
    "provider_for": "providers.base",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("kubeauth")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "integrations":
        return import_module("kubeauth.integrations")
    return getattr(import_module(f"kubeauth.{_HOMES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
