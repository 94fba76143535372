"""The ways to sign in, one row each.

A row plus a provider file plus a row of the plugin's convert rules is all that a new way needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kubeauth.errors import SettingsError

__all__ = ["LOGINS", "Login", "find_login"]


@dataclass(frozen=True, slots=True)
class Login:
    """One way to sign in.

    ``provider`` is the module and class that does it (imported only when used), ``needs`` are the
    fields of Settings without which it cannot start (of ``needs_one_of`` one is enough), ``human``
    says that a person may have to act, ``proves`` that its token can be bound to a key (proof of
    possession), ``kubelogin`` that Azure/kubelogin has this login, too.
    """

    name: str
    summary: str
    provider: str
    needs: tuple[str, ...] = ()
    needs_one_of: tuple[str, ...] = ()
    human: bool = False
    proves: bool = False
    kubelogin: bool = True


LOGINS: Final = {
    login.name: login
    for login in (
        Login(
            "devicecode",
            "a person types a code in any browser",
            "kubeauth.providers.device_code:DeviceCode",
            needs=("client_id", "tenant_id"),
            human=True,
            proves=True,
        ),
        Login(
            "interactive",
            "a person signs in in the browser of this machine",
            "kubeauth.providers.interactive:Interactive",
            needs=("client_id", "tenant_id"),
            human=True,
            proves=True,
        ),
        Login(
            "auto",
            "interactive where a browser can open, else devicecode",
            "kubeauth.providers.auto:Auto",
            needs=("client_id", "tenant_id"),
            human=True,
            proves=True,
            kubelogin=False,
        ),
        Login(
            "azurecli",
            "whoever is signed in to the Azure CLI",
            "kubeauth.providers.azure_cli:AzureCli",
        ),
        Login(
            "azd",
            "whoever is signed in to the Azure Developer CLI",
            "kubeauth.providers.azure_developer_cli:AzureDeveloperCli",
        ),
        Login(
            "spn",
            "a service principal with its client secret or certificate",
            "kubeauth.providers.service_principal:ServicePrincipal",
            needs=("client_id", "tenant_id"),
            needs_one_of=(
                "client_certificate",
                "client_secret",
                "client_secret_file",
                "client_secret_env",
                "client_secret_keyring",
            ),
            proves=True,
        ),
        Login(
            "ropc",
            "a person's user name and password (avoid it)",
            "kubeauth.providers.password:Password",
            needs=("client_id", "tenant_id", "username", "password"),
            proves=True,
        ),
        Login(
            "default",
            "the first that works of what the Azure SDKs try (DefaultAzureCredential)",
            "kubeauth.providers.default_azure:DefaultAzure",
            kubelogin=False,
        ),
        Login(
            "azurepowershell",
            "whoever is signed in to Azure PowerShell",
            "kubeauth.providers.azure_powershell:AzurePowerShell",
            kubelogin=False,
        ),
        Login(
            "vscode",
            "whoever is signed in to Visual Studio Code",
            "kubeauth.providers.visual_studio_code:VisualStudioCode",
            kubelogin=False,
        ),
        Login(
            "msi",
            "the managed identity of this Azure machine",
            "kubeauth.providers.managed_identity:ManagedIdentity",
        ),
        Login(
            "workloadidentity",
            "a federated token that Kubernetes or a CI system issued",
            "kubeauth.providers.workload_identity:WorkloadIdentity",
            needs=("client_id", "tenant_id"),
            proves=True,
        ),
        Login(
            "azurepipelines",
            "the service connection of an Azure Pipelines job",
            "kubeauth.providers.azure_pipelines:AzurePipelines",
            needs=("client_id", "tenant_id", "azure_pipelines_service_connection_id"),
        ),
    )
}


def find_login(name: str, origin: str = "--login") -> Login:
    """Give the row called ``name``, or raise SettingsError with the names there are.

    ``origin`` is the flag or variable that the name comes from.
    """
    login = LOGINS.get(name)
    if login is None:
        raise SettingsError(
            f"login: there is no way to sign in called {name!r}",
            hint=f"give {origin} as one of {', '.join(LOGINS)}",
        )
    return login
