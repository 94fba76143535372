"""The login ``spn``: an application's client secret (RFC 6749 4.4) or certificate (RFC 7523)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from kubeauth.cache.tokens import Key
from kubeauth.errors import SettingsError
from kubeauth.files import read_bytes
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.client_secret import read_client_secret, secret_place
from kubeauth.providers.base import Provider
from kubeauth.secret import fast_digest, slow_digest
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = ["ServicePrincipal"]


class ServicePrincipal(Provider):
    """A service principal (an application in a tenant) that has a client secret or a certificate.

    ``client_certificate`` is a PEM or PKCS#12 file, ``client_certificate_key`` the file with its
    key if that is another file, ``client_certificate_password`` the password of both. If there are
    a certificate and a secret, use the certificate, as Azure/kubelogin does.
    """

    login: ClassVar[str] = "spn"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        client_secret: str = "",
        client_secret_file: str = "",
        client_secret_env: str = "",
        client_secret_keyring: str = "",
        client_certificate: str = "",
        client_certificate_key: str = "",
        client_certificate_password: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                client_secret=client_secret,
                client_secret_file=client_secret_file,
                client_secret_env=client_secret_env,
                client_secret_keyring=client_secret_keyring,
                client_certificate=client_certificate,
                client_certificate_key=client_certificate_key,
                client_certificate_password=client_certificate_password,
                **options,
            ),
            system,
        )

    def _identity(self) -> dict[str, str]:
        """Add the credential, so that a cached token does not hide a wrong credential."""
        settings = self._settings
        if settings.client_secret_keyring and not settings.client_certificate:
            # Reading the keyring at each call would be slow, so use the item's name.
            return {**super()._identity(), "keyring": settings.client_secret_keyring}
        if not settings.client_certificate:
            secret = read_client_secret(settings, self._system.environ)
            return {**super()._identity(), "secret": secret}
        return {
            **super()._identity(),
            "certificate": _digest(settings.client_certificate),
            "key": _digest(settings.client_certificate_key),
            "password": settings.client_certificate_password,
        }

    def _evidence(self) -> str:
        """Return where the secret is, which hints name, and a digest of one in the keyring.

        Another secret and the certificate are part of the identity.
        """
        settings = self._settings
        if settings.client_certificate:
            return ""
        place = secret_place(settings)
        if not settings.client_secret_keyring:
            return place
        try:
            secret = read_client_secret(settings, self._system.environ)
            whose = f"{self._authority}{settings.tenant_id}/{settings.client_id}"
            return f"{place} {slow_digest(secret, whose)}"
        except SettingsError:  # the sign-in says why
            return place

    def stamped_files(self) -> Iterable[str]:
        """Return the files that hold the credential."""
        settings = self._settings
        names = (
            settings.client_certificate,
            settings.client_certificate_key,
            settings.client_secret_file,
        )
        return [os.path.expanduser(name) for name in names if name]

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        credential = self._credential()
        from kubeauth.providers._entra.client import EntraClient

        entra = EntraClient(self._settings, self._authority, self._system, proof=self._proof)
        return entra.client_token(credential, scope)

    def _credential(self) -> str | Callable[[str], str]:
        """Return the secret, or a function that signs an assertion for an endpoint.

        Raises SettingsError for an unusable secret or certificate.
        """
        if not self._settings.client_certificate:
            return read_client_secret(self._settings, self._system.environ)
        from kubeauth.providers._entra.certificate import load_certificate

        certificate = load_certificate(self._settings, self._system.now())
        client, adfs = self._settings.client_id, self._settings.tenant_id == "adfs"
        return lambda endpoint: certificate.assertion(
            client, endpoint, self._system.now(), adfs=adfs
        )


def _digest(path: str) -> str:
    """Return a digest of a file's content; "" for an unreadable file, which the sign-in reports."""
    try:
        content = read_bytes(path) if path else b""
    except OSError:
        return ""
    return fast_digest(content) if content else ""
