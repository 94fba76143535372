"""The names of the environment variables that kubeauth reads, in one place.

``options/variables.py`` decides which setting each one overrides, and for which logins.
``adapters/proxies.py`` reads the variables that name a proxy (HTTPS_PROXY, NO_PROXY). Variables
that only other programs and libraries read are not listed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


# client-go's contract with its plugin: one line of JSON (an ExecCredential with a spec).
KUBERNETES_EXEC_INFO: Final = "KUBERNETES_EXEC_INFO"
# A list of kubeconfig files, joined like PATH.
KUBECONFIG: Final = "KUBECONFIG"

# The folder of the token cache. KUBECACHEDIR is the root of kubectl's own cache.
KUBEAUTH_CACHE_DIR: Final = "KUBEAUTH_CACHE_DIR"
KUBECACHEDIR: Final = "KUBECACHEDIR"
# The kind of storage for the cache, if no flag names one.
KUBEAUTH_CACHE_STORAGE: Final = "KUBEAUTH_CACHE_STORAGE"
# Whether a token may be renewed in the background; 0 switches that off.
KUBEAUTH_BACKGROUND_REFRESH: Final = "KUBEAUTH_BACKGROUND_REFRESH"

# Set, with any value: a kubeconfig is data for the plugin, as it is for the library.
KUBEAUTH_STRICT: Final = "KUBEAUTH_STRICT"

# The login and its identity, named as in Azure/kubelogin (AAD_…) and the Azure SDKs (AZURE_…).
AAD_LOGIN_METHOD: Final = "AAD_LOGIN_METHOD"
AAD_SERVICE_PRINCIPAL_CLIENT_ID: Final = "AAD_SERVICE_PRINCIPAL_CLIENT_ID"
AAD_SERVICE_PRINCIPAL_CLIENT_SECRET: Final = "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET"  # noqa: S105
AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE: Final = "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE"
AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD: Final = (  # a name, not a password
    "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD"  # noqa: S105
)
AAD_USER_PRINCIPAL_NAME: Final = "AAD_USER_PRINCIPAL_NAME"
AAD_USER_PRINCIPAL_PASSWORD: Final = "AAD_USER_PRINCIPAL_PASSWORD"  # noqa: S105
AZURE_USERNAME: Final = "AZURE_USERNAME"
AZURE_PASSWORD: Final = "AZURE_PASSWORD"  # noqa: S105
AZURE_CLIENT_ID: Final = "AZURE_CLIENT_ID"
AZURE_CLIENT_SECRET: Final = "AZURE_CLIENT_SECRET"  # noqa: S105
AZURE_CLIENT_CERTIFICATE_PATH: Final = "AZURE_CLIENT_CERTIFICATE_PATH"
AZURE_CLIENT_CERTIFICATE_PASSWORD: Final = "AZURE_CLIENT_CERTIFICATE_PASSWORD"  # noqa: S105
AZURE_TENANT_ID: Final = "AZURE_TENANT_ID"
AZURE_AUTHORITY_HOST: Final = "AZURE_AUTHORITY_HOST"
AZURE_FEDERATED_TOKEN_FILE: Final = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105
AZURESUBSCRIPTION_CLIENT_ID: Final = "AZURESUBSCRIPTION_CLIENT_ID"
AZURESUBSCRIPTION_TENANT_ID: Final = "AZURESUBSCRIPTION_TENANT_ID"
AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: Final = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"
AZURE_CLI_TIMEOUT: Final = "AZURE_CLI_TIMEOUT"

# The same as Terraform's azurerm provider names it; read with --use-azurerm-env-vars only.
ARM_CLIENT_ID: Final = "ARM_CLIENT_ID"
ARM_CLIENT_SECRET: Final = "ARM_CLIENT_SECRET"  # noqa: S105
ARM_CLIENT_SECRET_FILE_PATH: Final = "ARM_CLIENT_SECRET_FILE_PATH"  # noqa: S105
ARM_CLIENT_CERTIFICATE_PATH: Final = "ARM_CLIENT_CERTIFICATE_PATH"
ARM_CLIENT_CERTIFICATE_PASSWORD: Final = "ARM_CLIENT_CERTIFICATE_PASSWORD"  # noqa: S105
ARM_TENANT_ID: Final = "ARM_TENANT_ID"
ARM_OIDC_TOKEN: Final = "ARM_OIDC_TOKEN"  # noqa: S105
ARM_OIDC_TOKEN_FILE_PATH: Final = "ARM_OIDC_TOKEN_FILE_PATH"  # noqa: S105
ARM_OIDC_ENDPOINT: Final = ("ARM_OIDC_REQUEST_URL", "ARM_OIDC_REQUEST_TOKEN")
ARM_ENVIRONMENT: Final = "ARM_ENVIRONMENT"
# The service connection of an Azure Pipelines job; the second name is the older one.
ARM_SERVICE_CONNECTION: Final = (
    "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
    "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
)
ARM_USE: Final = {
    "ARM_USE_OIDC": "workloadidentity",
    "ARM_USE_AKS_WORKLOAD_IDENTITY": "workloadidentity",
    "ARM_USE_MSI": "msi",
    "ARM_USE_CLI": "azurecli",
}

# AKS identity binding: the proxy that answers a pod's token requests, its TLS name and its CA.
AZURE_KUBERNETES_TOKEN_PROXY: Final = "AZURE_KUBERNETES_TOKEN_PROXY"  # noqa: S105
AZURE_KUBERNETES_SNI_NAME: Final = "AZURE_KUBERNETES_SNI_NAME"
AZURE_KUBERNETES_CA_FILE: Final = "AZURE_KUBERNETES_CA_FILE"
AZURE_KUBERNETES_CA_DATA: Final = "AZURE_KUBERNETES_CA_DATA"
# The endpoints at which GitHub Actions and Azure Pipelines issue a job's federated tokens, and the
# bearer tokens that open them.
GITHUB_ENDPOINT: Final = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
SYSTEM_OIDCREQUESTURI: Final = "SYSTEM_OIDCREQUESTURI"
SYSTEM_ACCESSTOKEN: Final = "SYSTEM_ACCESSTOKEN"
PIPELINES_ENDPOINT: Final = (SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN)

# The subscription of the cluster whose credentials are fetched.
AZURE_SUBSCRIPTION_ID: Final = "AZURE_SUBSCRIPTION_ID"
# A JSON file that describes an Azure Stack Hub cloud.
AZURE_ENVIRONMENT_FILEPATH: Final = "AZURE_ENVIRONMENT_FILEPATH"
# The address of the instance metadata service, if it is not 169.254.169.254.
AZURE_POD_IDENTITY_AUTHORITY_HOST: Final = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
# The folder in which the Azure CLI stores its accounts.
AZURE_CONFIG_DIR: Final = "AZURE_CONFIG_DIR"
# The folder in which the Azure Developer CLI stores its accounts.
AZD_CONFIG_DIR: Final = "AZD_CONFIG_DIR"
# Azure services other than virtual machines announce their identity endpoint in these.
IDENTITY_ENDPOINT: Final = "IDENTITY_ENDPOINT"
IDENTITY_HEADER: Final = "IDENTITY_HEADER"
IDENTITY_SERVER_THUMBPRINT: Final = "IDENTITY_SERVER_THUMBPRINT"
IMDS_ENDPOINT: Final = "IMDS_ENDPOINT"
MSI_ENDPOINT: Final = "MSI_ENDPOINT"
MSI_SECRET: Final = "MSI_SECRET"  # noqa: S105
AZUREPS_HOST_ENVIRONMENT: Final = "AZUREPS_HOST_ENVIRONMENT"
# The host of Google's metadata server, if it is not metadata.google.internal.
GCE_METADATA_HOST: Final = "GCE_METADATA_HOST"

# Certificates to trust instead of the operating system's (a PEM file); the first that is set wins.
CA_FILES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")

# Programs that open a web page, joined like PATH; ``%s`` in one stands for the address.
BROWSER: Final = "BROWSER"
