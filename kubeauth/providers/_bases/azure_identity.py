"""The base of the logins that use azure-identity; only this module imports that package."""

from __future__ import annotations

import logging
import os
import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from kubeauth import _env
from kubeauth.adapters.child_environ import OURS
from kubeauth.adapters.programs import absolute_folders
from kubeauth.cache.tokens import Key
from kubeauth.errors import (
    SettingsError,
    SignInError,
    SignInRefused,
    ToolError,
    Unreachable,
)
from kubeauth.files import read_bytes
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.refusals import hint_for
from kubeauth.providers._http_session import session_for
from kubeauth.providers.base import Provider
from kubeauth.sanitize import sanitized
from kubeauth.secret import fast_digest
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["AzureIdentityProvider"]

logger = logging.getLogger(__name__)

# azure-identity logs its failures, which kubeauth reports as errors; without a handler, Python
# would also print them.
logging.getLogger("azure").addHandler(logging.NullHandler())


class AzureIdentityProvider(Provider):
    """One of azure-identity's credentials, with kubeauth's cache, errors and certificates.

    NOTE: azure-identity reads this process's environment, not ``system.environ``.
    """

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str = "",
        client_id: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                **options,
            ),
            system,
        )

    advice: ClassVar[str]

    @abstractmethod
    def _credential(self, identity: Any, shared: dict[str, Any]) -> Any:
        """Make the credential of the package ``identity``, with the ``shared`` arguments."""

    def _identity(self) -> dict[str, str]:
        """Add everything that decides the account: variables, and the accounts of other tools."""
        parts = [
            f"{name}={value}\0".encode("utf-8", "surrogateescape")
            for name, value in sorted(self._system.environ.items())
            if name.startswith("AZURE_")
        ]
        parts += [
            read_bytes(file) if os.path.isfile(file) else b"none" for file in self.stamped_files()
        ]
        return {**super()._identity(), "surroundings": fast_digest(b"".join(parts))}

    def _evidence(self) -> str:
        """Return when the tools' accounts last changed; another sign-in may write the same."""
        files = [file for file in self.stamped_files() if os.path.isfile(file)]
        return " ".join(str(os.stat(file).st_mtime_ns) for file in files)

    def stamped_files(self) -> Iterable[str]:
        """Return the files in which other tools store their accounts."""
        azure = self._system.environ.get(_env.AZURE_CONFIG_DIR) or os.path.expanduser("~/.azure")
        powershell = os.path.expanduser("~/.Azure/AzureRmContext.json")
        return (os.path.join(azure, "azureProfile.json"), powershell)

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        try:
            import azure.identity

            from kubeauth.providers._bases.azure_transport import transport_over
        except ImportError as error:
            raise SettingsError(
                f"login {self.login}: the package azure-identity is not installed",
                hint="install it beside kubeauth: `pip install azure-identity`",
            ) from error
        from kubeauth.providers.from_azure_identity import FromAzureIdentity

        settings = self._settings
        session = session_for(settings, self._system)
        shared: dict[str, Any] = {
            "transport": transport_over(session.through_requests()),
            # Our HTTP session already retries.
            "retry_total": 0,
        }
        credential = self._credential(azure.identity, shared)
        adapter = FromAzureIdentity(credential, server_id=settings.server_id, system=self._system)
        try:
            with _careful_with_programs(self._system.owns_process):
                token = adapter.for_scope(scope, tenant_id=settings.tenant_id).token()
        except SignInRefused as error:
            hint = hint_for(error.code, self.login, self._settings) or error.hint
            line = "" if error.code in str(error) else f": {_line_with(error.code, error)}"
            raise SignInRefused(f"{error}{line}", hint=hint, code=error.code) from error
        except Unreachable:
            raise
        except SignInError as error:
            for line in str(error.__cause__).splitlines():
                logger.info("%s", sanitized(line))
            raise ToolError(str(error), hint=self.advice) from error
        link = getattr(credential, "_successful_credential", None)
        logger.info("the token is from %s", type(link or credential).__name__)
        return token


@contextmanager
def _careful_with_programs(owns_process: bool) -> Iterator[None]:
    """Have azure-identity start no program of the current folder, and none with our secrets.

    It starts `az`, `azd` and shells with this process's variables, and looks for them where the
    system and ``shutil.which`` do. Its credentials have read their variables when they were made.
    In a process of others, do nothing.
    """
    if not owns_process:
        yield
        return
    folder, before = "", os.environ.copy()
    for name in OURS:
        os.environ.pop(name, None)
    os.environ["PATH"] = os.pathsep.join(absolute_folders(before.get("PATH", "")))
    if os.name == "nt":
        os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"
        if sys.version_info < (3, 12):  # its `shutil.which` does not know that variable
            folder = os.getcwd()
            os.chdir(before["SYSTEMROOT"])
    try:
        yield
    finally:
        if folder:
            os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


def _line_with(code: str, error: SignInRefused) -> str:
    """Return the line in which azure-identity quotes Entra ID."""
    lines = str(error.__cause__).splitlines()
    line = next((line for line in lines if code in line), code)
    return sanitized(line)
