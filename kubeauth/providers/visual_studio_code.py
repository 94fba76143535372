"""The login ``vscode``: the account that is signed in to Visual Studio Code."""

from __future__ import annotations

from typing import Any, ClassVar

from kubeauth.providers._bases.azure_identity import AzureIdentityProvider

__all__ = ["VisualStudioCode"]


class VisualStudioCode(AzureIdentityProvider):
    """The account that is signed in to the extension Azure Resources of Visual Studio Code."""

    login: ClassVar[str] = "vscode"
    advice: ClassVar[str] = (
        "`pip install azure-identity-broker`, and sign in to the extension Azure Resources"
    )

    def _credential(self, identity: Any, shared: dict[str, Any]) -> Any:
        more = {"tenant_id": self._settings.tenant_id} if self._settings.tenant_id else {}
        return identity.VisualStudioCodeCredential(authority=self._authority, **more, **shared)
