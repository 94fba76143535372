"""The login ``default``: whatever DefaultAzureCredential finds on this machine."""

from __future__ import annotations

from typing import Any, ClassVar

from kubeauth.providers._bases.azure_identity import AzureIdentityProvider

__all__ = ["DefaultAzure"]


class DefaultAzure(AzureIdentityProvider):
    """DefaultAzureCredential: the first credential of the Azure SDKs that works here.

    ``client_id`` names a user-assigned managed identity or workload. The log names the credential
    that returned the token.
    """

    login: ClassVar[str] = "default"
    advice: ClassVar[str] = (
        "sign in with `az login`, or set AZURE_CLIENT_ID and the related AZURE_… variables; -v 1 "
        "shows why each credential of the chain failed"
    )

    def _credential(self, identity: Any, shared: dict[str, Any]) -> Any:
        settings = self._settings
        more = {"managed_identity_client_id": settings.client_id} if settings.client_id else {}
        return identity.DefaultAzureCredential(
            authority=self._authority,
            disable_instance_discovery=settings.disable_instance_discovery,
            additionally_allowed_tenants=[settings.tenant_id] if settings.tenant_id else [],
            **more,
            **shared,
        )
