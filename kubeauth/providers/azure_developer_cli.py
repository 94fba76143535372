"""The login ``azd``: the account that is signed in to the Azure Developer CLI."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence

from kubeauth import _env
from kubeauth.options.settings import Settings
from kubeauth.providers._bases.tool import ToolProvider
from kubeauth.providers._program import json_object_with
from kubeauth.system import System
from kubeauth.token import AccessToken, token_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["AzureDeveloperCli"]


class AzureDeveloperCli(ToolProvider):
    """The account of ``azd auth login``, in the given tenant if one is named."""

    login: ClassVar[str] = "azd"
    tool: ClassVar[str] = "Azure Developer CLI"
    program: ClassVar[str] = "azd"
    asking: ClassVar[Sequence[str]] = ("auth", "token", "--output", "json", "--no-prompt")
    usual_places: ClassVar[Sequence[str]] = (
        "/usr/local/bin/azd",
        "/usr/bin/azd",
        "/opt/microsoft/azd/azd",
        "/opt/homebrew/bin/azd",
        "/home/linuxbrew/.linuxbrew/bin/azd",
        r"C:\Program Files\Azure Dev CLI\azd.exe",
    )

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(login=self.login, server_id=server_id, tenant_id=tenant_id, **options),
            system,
        )

    def stamped_files(self) -> Iterable[str]:
        """Return the files that hold the account, and the choice to use that of ``az`` instead."""
        named = self._system.environ.get(_env.AZD_CONFIG_DIR)
        folder = named or os.path.expanduser("~/.azd")
        return (os.path.join(folder, "auth.json"), os.path.join(folder, "config.json"))

    def _options(self) -> Sequence[tuple[str, str]]:
        return (("--scope", self._settings.scope), ("--tenant-id", self._settings.tenant_id))

    def _read(self, stdout: str) -> AccessToken:
        answer = json_object_with("token", stdout)
        return AccessToken(token_text(answer["token"]), _epoch(str(answer["expiresOn"])))

    def _complaint(self, stderr: str) -> str:
        """Return the error text from the JSON on stderr, whose form depends on azd's version."""
        for line in stderr.splitlines():
            try:
                event = json.loads(line)
                text = event.get("error") or event["data"]["message"]
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
            if isinstance(text, str) and text.strip():
                return text.strip().splitlines()[0].removeprefix("ERROR:").strip()
        return super()._complaint(stderr)


def _epoch(text: str) -> int:
    """Return the epoch seconds of an RFC 3339 time; without a zone it is UTC."""
    import re
    from datetime import datetime, timezone

    plain = re.sub(r"\.\d+", "", text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    moment = datetime.fromisoformat(plain)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
