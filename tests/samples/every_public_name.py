"""A program of a user who checks types strictly; it uses every public name and is never run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import kubernetes.client
import requests
from azure.core import PipelineClient
from azure.core.credentials import SupportsTokenInfo, TokenCredential
from azure.core.credentials_async import AsyncSupportsTokenInfo, AsyncTokenCredential
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.identity import AzureCliCredential

import kubeauth
from kubeauth import (
    AKS_SERVER_ID,
    AccessToken,
    Auto,
    AzureCli,
    AzureDeveloperCli,
    AzurePipelines,
    AzurePowerShell,
    Chain,
    Cluster,
    Credential,
    DefaultAzure,
    DeviceCode,
    FromAzureIdentity,
    InteractionRequired,
    Interactive,
    KubeauthError,
    KubeconfigError,
    ManagedIdentity,
    Password,
    Provider,
    ServicePrincipal,
    Settings,
    SettingsError,
    SignInCancelled,
    SignInError,
    SignInRefused,
    System,
    Throttled,
    ToolError,
    Unreachable,
    UntrustedKubeconfig,
    VisualStudioCode,
    WorkloadIdentity,
    from_environ,
    from_kubeconfig,
    from_settings,
    integrations,
    provider_for,
)


def every_provider(show: Callable[[str], None]) -> list[Provider]:
    return [
        ServicePrincipal(
            server_id=AKS_SERVER_ID,
            tenant_id="t",
            client_id="c",
            client_secret="s",
            environment="AzureChinaCloud",
            cache_storage="memory",
            timeout=30,
        ),
        DeviceCode(server_id=AKS_SERVER_ID, tenant_id="t", client_id="c", show=show),
        Interactive(server_id=AKS_SERVER_ID, tenant_id="t", client_id="c", show=print),
        Auto(server_id=AKS_SERVER_ID, tenant_id="t", client_id="c", show=print),
        Password(server_id=AKS_SERVER_ID, tenant_id="t", client_id="c", username="u", password="p"),
        ManagedIdentity(server_id=AKS_SERVER_ID),
        WorkloadIdentity(server_id=AKS_SERVER_ID, tenant_id="t", client_id="c"),
        AzurePipelines(
            server_id=AKS_SERVER_ID, tenant_id="t", client_id="c", service_connection_id="i"
        ),
        AzureCli(server_id=AKS_SERVER_ID, system=System(warn=print)),
        AzureDeveloperCli(server_id=AKS_SERVER_ID),
        AzurePowerShell(server_id=AKS_SERVER_ID),
        DefaultAzure(server_id=AKS_SERVER_ID, client_id="c"),
        VisualStudioCode(server_id=AKS_SERVER_ID),
        from_kubeconfig("prod", path="config", login="azurecli"),
        from_environ(login="msi"),
        from_settings(Settings(login="msi", server_id=AKS_SERVER_ID)),
        provider_for(Settings(login="msi", server_id=AKS_SERVER_ID), System()),
    ]


def tokens(credential: Credential) -> tuple[str, int, int | None]:
    token: AccessToken = credential.get_token()
    again: AccessToken = credential.renewed(token)
    left: float = again.seconds_left(0.0)
    return token.token, token.expires_on + int(left), token.refresh_on


def failures(credential: Credential) -> str:
    try:
        credential.get_token()
    except SignInRefused as error:
        return error.code
    except Throttled as error:
        print("later", error.hint)
    except (InteractionRequired, SignInCancelled, ToolError, Unreachable) as error:
        return error.hint
    except (SignInError, SettingsError, UntrustedKubeconfig, KubeconfigError) as error:
        return str(error)
    except KubeauthError:
        raise
    return ""


def azure(provider: Provider) -> Credential:
    credential: TokenCredential = provider
    info: SupportsTokenInfo = provider
    policy = BearerTokenCredentialPolicy(credential, "https://management.azure.com/.default")
    PipelineClient[object, object]("https://management.azure.com", policies=[policy])
    info.get_token_info("https://management.azure.com/.default", options={"claims": "{}"})
    with provider as same:
        same.close()
    return Chain(
        FromAzureIdentity(AzureCliCredential(), server_id=AKS_SERVER_ID),
        lambda: from_environ(),
        provider.for_scope("https://vault.azure.net/.default", tenant_id="t"),
    )


def clients(credential: Credential) -> None:
    api: kubernetes.client.ApiClient = integrations.kubernetes.load(context="prod")
    kubernetes.client.CoreV1Api(api).list_node()
    cluster = Cluster("https://api.example", ca_data=b"", tls_server_name="x")
    integrations.kubernetes.new_client(cluster=cluster, credential=credential)
    integrations.kubernetes.configuration("prod", login="azurecli", show=print)
    list(integrations.kr8s.load("prod", namespace="apps").get("pods"))
    integrations.lightkube.load("prod", path="config")
    integrations.lightkube.load_async("prod", system=System())
    client: httpx.Client = integrations.httpx.load("prod")
    client.get("/api/v1/nodes", auth=integrations.httpx.BearerAuth(credential))
    requests.get("https://api.example", auth=integrations.requests.BearerAuth(credential))


async def async_azure(provider: Provider) -> None:
    credential: AsyncTokenCredential = provider.aio
    info: AsyncSupportsTokenInfo = provider.aio
    async with provider.aio as own:
        print((await own.get_token()).expires_on)
    await credential.get_token("https://management.azure.com/.default")
    await info.get_token_info("https://management.azure.com/.default", options={"claims": "{}"})


async def async_clients() -> None:
    async with await integrations.kubernetes_asyncio.load("prod"):
        pass
    await integrations.kubernetes_asyncio.new_client("prod")
    await integrations.kubernetes_asyncio.configuration("prod")
    await integrations.kr8s.load_async("prod")
    async with integrations.httpx.load_async("prod") as client:
        await client.get("/version")


if __name__ == "__main__":
    every_provider(print)
    asyncio.run(async_clients())
    asyncio.run(async_azure(AzureCli(server_id="s")))
    kubeauth.integrations.kubernetes.load(context="prod")
