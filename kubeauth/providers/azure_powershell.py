"""The login ``azurepowershell``: the account that is signed in to Azure PowerShell."""

from __future__ import annotations

import logging
import re
import time
from traceback import walk_tb
from typing import Any, ClassVar, Final

from kubeauth.adapters.programs import find_program
from kubeauth.cache.tokens import Key
from kubeauth.errors import SignInRefused, ToolError
from kubeauth.providers._bases.azure_identity import AzureIdentityProvider
from kubeauth.providers._entra.refusals import hint_for
from kubeauth.providers._program import last_line
from kubeauth.sanitize import sanitized
from kubeauth.token import AccessToken, epoch, token_text

__all__ = ["AzurePowerShell"]

logger = logging.getLogger(__name__)

# What the script of azure-identity prints. It takes only a line that begins so, and colours or a
# byte order mark may stand before it.
_ANSWER: Final = re.compile(r"azsdk%([^%\s]+)%(\d+)")
# In the message of a failure that azure-identity does not explain.
_UNSAID: Final = "Enable debug logging"
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CODE: Final = re.compile(r"AADSTS\d+")
_TOOL: Final = "Azure PowerShell"


class AzurePowerShell(AzureIdentityProvider):
    """The account that is signed in to Azure PowerShell (``Connect-AzAccount``)."""

    login: ClassVar[str] = "azurepowershell"
    advice: ClassVar[str] = "install PowerShell and Az.Accounts, then run `Connect-AzAccount`"

    def _credential(self, identity: Any, shared: dict[str, Any]) -> Any:
        return identity.AzurePowerShellCredential(
            tenant_id=self._settings.tenant_id, process_timeout=int(self._limit)
        )

    @property
    def _limit(self) -> float:
        """The time for PowerShell in seconds; it needs some to start."""
        return self._settings.timeout or 60.0

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        program = find_program("pwsh", self._system.environ) or "pwsh, which is not on PATH,"
        started = time.monotonic()
        try:
            return super()._sign_in(scope, key, begun)
        except ToolError as error:
            return self._understood(error)
        finally:
            logger.info("%s: %s took %.1f s", _TOOL, program, time.monotonic() - started)

    def _understood(self, error: ToolError) -> AccessToken:
        """Return the token that azure-identity did not see, or raise an error that says more."""
        failed = error.__cause__.__cause__ if error.__cause__ is not None else None
        said = str(failed or "")
        if match := _ANSWER.search(said):
            return AccessToken(token_text(match[1]), epoch(match[2]))
        reason = getattr(failed, "__cause__", None)
        if type(reason).__name__ == "TimeoutExpired":
            raise ToolError(
                f"{_TOOL}: `pwsh` gave no answer in {self._limit:.0f} s",
                hint="run `pwsh -NoProfile -Command Get-AzAccessToken` to see what it waits for; "
                "--timeout sets the limit",
            ) from error
        stderr = _stderr_of(failed) if failed is not None and _UNSAID in said else ""
        complaint = sanitized(last_line(_COLOUR.sub("", stderr)))
        if code := _CODE.search(stderr):
            hint = hint_for(code[0], self.login, self._settings) or self.advice
            raise SignInRefused(f"{_TOOL}: {complaint}", hint=hint, code=code[0]) from error
        if complaint:
            raise ToolError(f"{_TOOL}: `pwsh` failed ({complaint})", hint=self.advice) from error
        unreadable = isinstance(failed, ValueError) or isinstance(reason, ValueError)
        if unreadable or "Unexpected output" in said:
            raise ToolError(
                f"{_TOOL}: the answer of `pwsh` could not be read",
                hint="run `pwsh -NoProfile -Command Get-AzAccessToken`, which has to print a token",
            ) from error
        raise error


def _stderr_of(failed: BaseException) -> str:
    """Return what PowerShell wrote to stderr, "" if that is not to be found.

    azure-identity puts it into no exception, only into its log at DEBUG. The function that raised
    still has it. To listen to the log would mean to switch it on, for all threads of the process.
    """
    frames = [frame for frame, _ in walk_tb(failed.__traceback__)]
    return str(frames[-1].f_locals.get("stderr", "")) if frames else ""
