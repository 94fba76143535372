"""The login ``azurepipelines``: the service connection of an Azure Pipelines job."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubeauth.options.settings import Settings
from kubeauth.providers._entra.assertions import Source, find_source
from kubeauth.providers.base import Provider
from kubeauth.providers.workload_identity import WorkloadIdentity
from kubeauth.system import System

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["AzurePipelines"]


class AzurePipelines(WorkloadIdentity):
    """The application behind a service connection with workload identity federation.

    Works in a job of Azure Pipelines whose step has ``SYSTEM_ACCESSTOKEN``. The task AzureCLI sets
    the other three values as AZURESUBSCRIPTION_… variables.
    """

    login: ClassVar[str] = "azurepipelines"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        service_connection_id: str,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        Provider.__init__(
            self,
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                azure_pipelines_service_connection_id=service_connection_id,
                **options,
            ),
            system,
        )

    @classmethod
    def _find_source(cls, settings: Settings, system: System, authority: str) -> Source:
        return find_source(settings, system, authority, only="azure-pipelines")
