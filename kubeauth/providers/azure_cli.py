"""The login ``azurecli``: the account that is signed in to the Azure CLI."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from kubeauth import _env
from kubeauth.options.settings import Settings
from kubeauth.providers._bases.tool import ToolProvider
from kubeauth.providers._program import json_object_with
from kubeauth.system import System
from kubeauth.token import AccessToken, epoch, token_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Final

    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["AzureCli"]

_PROFILE: Final = "azureProfile.json"


class AzureCli(ToolProvider):
    """The account of ``az login``, in the given tenant or subscription if one is named."""

    login: ClassVar[str] = "azurecli"
    tool: ClassVar[str] = "Azure CLI"
    program: ClassVar[str] = "az"
    asking: ClassVar[Sequence[str]] = ("account", "get-access-token", "--output", "json")
    usual_places: ClassVar[Sequence[str]] = (
        "/usr/bin/az",
        "/usr/local/bin/az",
        "/opt/homebrew/bin/az",
        "/home/linuxbrew/.linuxbrew/bin/az",
        "/snap/bin/az",
        r"C:\Program Files\Microsoft SDKs\Azure\CLI2\wbin\az.cmd",
        r"C:\Program Files (x86)\Microsoft SDKs\Azure\CLI2\wbin\az.cmd",
    )

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str = "",
        subscription: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                subscription=subscription,
                **options,
            ),
            system,
        )

    def stamped_files(self) -> Iterable[str]:
        """Return the CLI's profile, which it rewrites at each `az login` and `az logout`."""
        named = self._system.environ.get(_env.AZURE_CONFIG_DIR)
        return (os.path.join(named or os.path.expanduser("~/.azure"), _PROFILE),)

    def _options(self) -> Sequence[tuple[str, str]]:
        settings = self._settings
        return (
            ("--resource", settings.resource),
            ("--tenant", settings.tenant_id),
            ("--subscription", settings.subscription),
        )

    def _advice(self, stderr: str) -> str:
        """Return the hint; `az login` does not help against a subscription that az lacks."""
        complaint = self._complaint(stderr).lower()
        if (
            self._settings.subscription
            and "subscription" in complaint
            and "aadsts" not in complaint
        ):
            return (
                "check --subscription: `az account list --all` shows what this account has; if it "
                "is not there, run `az login` with an account that has it"
            )
        return super()._advice(stderr)

    def _read(self, stdout: str) -> AccessToken:
        answer = json_object_with("accessToken", stdout)
        return AccessToken(token_text(answer["accessToken"]), epoch(_expiry(answer)))


def _expiry(answer: dict[str, Any]) -> Any:
    """Return the expiry in epoch seconds. Before 2.54 the CLI prints it in local time only."""
    if answer.get("expires_on") is not None:
        return answer["expires_on"]
    from datetime import datetime

    return datetime.fromisoformat(str(answer["expiresOn"])).timestamp()
