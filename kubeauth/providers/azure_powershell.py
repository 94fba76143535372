"""The login ``azurepowershell``: the account that is signed in to Azure PowerShell."""

from __future__ import annotations

from typing import Any, ClassVar

from kubeauth.providers._bases.azure_identity import AzureIdentityProvider

__all__ = ["AzurePowerShell"]


class AzurePowerShell(AzureIdentityProvider):
    """Whoever is signed in to Azure PowerShell (``Connect-AzAccount``)."""

    login: ClassVar[str] = "azurepowershell"
    advice: ClassVar[str] = "install PowerShell and Az.Accounts, then run `Connect-AzAccount`"

    def _credential(self, identity: Any, shared: dict[str, Any]) -> Any:
        limit = int(self._settings.timeout or 60)
        return identity.AzurePowerShellCredential(
            tenant_id=self._settings.tenant_id, process_timeout=limit
        )
