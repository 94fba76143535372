"""Signing in as whoever is signed in to the Azure CLI."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kubeauth import _env
from kubeauth.cache.tokens import Key
from kubeauth.errors import SettingsError, ToolError
from kubeauth.providers.base import Options, Provider
from kubeauth.settings import Settings
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AzureCli"]

# The CLI alone needs seconds to start; kubectl's users know this limit from Azure/kubelogin.
_LIMIT: Final = 60.0
# Where its installers put it, for programs with a short PATH.
_USUAL_PLACES: Final = (
    "/usr/bin/az",
    "/usr/local/bin/az",
    "/opt/homebrew/bin/az",
    "/snap/bin/az",
    r"C:\Program Files\Microsoft SDKs\Azure\CLI2\wbin\az.cmd",
    r"C:\Program Files (x86)\Microsoft SDKs\Azure\CLI2\wbin\az.cmd",
)
_PROFILE: Final = "azureProfile.json"
_UNSAFE: Final = re.compile(r"[\"'`$;&|<>^%!\r\n\0]")
_LIKE_A_TOKEN: Final = re.compile(r"[\w-]{16,}\.[\w-]{16,}(\.[\w-]*)?")
_LONGEST: Final = 300


class AzureCli(Provider):
    """The account of ``az login``, in the given tenant or subscription if one is named."""

    login: ClassVar[str] = "azurecli"

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

    def _identity(self) -> dict[str, str]:
        """Name the account too: the CLI rewrites its profile when another signs in or out."""
        folder = self._config_dir()
        try:
            profile = hashlib.blake2b((folder / _PROFILE).read_bytes()).hexdigest()
        except OSError:
            profile = "none"
        return {
            "login": self.login,
            "tenant": self._settings.tenant_id,
            "subscription": self._settings.subscription,
            "config": str(folder),
            "profile": profile,
        }

    def stamped_files(self) -> Iterable[Path]:
        """Give the CLI's profile, which it rewrites whenever somebody signs in or out."""
        return (self._config_dir() / _PROFILE,)

    def _config_dir(self) -> Path:
        named = self._system.environ.get(_env.AZURE_CONFIG_DIR)
        return Path(named or os.path.expanduser("~/.azure"))

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        argv = [self._program(), *self._arguments()]
        environ = {**self._system.environ, "AZURE_CORE_NO_COLOR": "true"}
        if self._settings.ca_file:
            environ["REQUESTS_CA_BUNDLE"] = self._settings.ca_file
        limit = self._settings.timeout or _LIMIT
        try:
            done = self._system.run_program(argv, environ=environ, limit=limit)
        except TimeoutError as error:
            raise ToolError(
                f"Azure CLI: {error}",
                hint="run `az account get-access-token` to see what it waits "
                "for; --timeout sets the limit",
            ) from error
        except OSError as error:
            raise ToolError(
                f"Azure CLI: {argv[0]} cannot be run ({error.strerror})",
                hint="check its installation with `az version`",
            ) from error
        if done.returncode:
            raise self._failure(done.returncode, done.stderr)
        return self._read(done.stdout)

    def _program(self) -> str:
        from kubeauth.programs import find_program

        program = find_program("az", self._system.environ, _USUAL_PLACES)
        if not program:
            raise ToolError(
                "Azure CLI: `az` is not on PATH",
                hint="install the Azure CLI and run `az login`, or use another login such as "
                "devicecode",
            )
        return program

    def _arguments(self) -> Sequence[str]:
        arguments = ["account", "get-access-token", "--output", "json"]
        for flag, value in (
            ("--resource", self._settings.resource),
            ("--tenant", self._settings.tenant_id),
            ("--subscription", self._settings.subscription),
        ):
            # NOTE: on Windows az is a batch file, whose arguments a shell reads.
            if _UNSAFE.search(value) or value.startswith("-"):
                raise SettingsError(
                    f"login azurecli: {value!r} cannot be handed to az",
                    hint="give ids instead of names",
                )
            arguments += [flag, value] if value else []
        return arguments

    def _failure(self, returncode: int, stderr: str) -> ToolError:
        said = _LIKE_A_TOKEN.sub("…", _last_error(stderr))[:_LONGEST].rstrip(". ")
        tenant = f" --tenant {self._settings.tenant_id}" if self._settings.tenant_id else ""
        return ToolError(
            f"Azure CLI: `az account get-access-token` failed with exit code {returncode}"
            + (f" ({said})" if said else ""),
            hint=f"sign in with `az login{tenant}`, then run this again",
        )

    def _read(self, stdout: str) -> AccessToken:
        try:
            answer = json.loads(stdout)
            return AccessToken(str(answer["accessToken"]), _expiry(answer))
        except (ValueError, TypeError, KeyError) as error:
            raise ToolError(
                "Azure CLI: its answer could not be read",
                hint="check `az version`; kubeauth needs 2.0 or newer",
            ) from error


def _expiry(answer: dict[str, Any]) -> int:
    """Give the expiry in epoch seconds. Before 2.54 the CLI only told it in local time."""
    if answer.get("expires_on") is not None:
        return int(answer["expires_on"])
    return int(datetime.fromisoformat(str(answer["expiresOn"])).timestamp())


def _last_error(stderr: str) -> str:
    """Give the line in which the CLI says what failed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1].removeprefix("ERROR:").strip()
