"""AKS identity binding: the token requests of a pod go to a proxy that the cluster names.

The variables, and what the proxy expects, are those of azure-identity's WorkloadIdentityCredential
("Identity bindings" in the documentation of AKS).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.adapters.http import HttpSession
from kubeauth.clouds import is_https_address
from kubeauth.errors import SettingsError
from kubeauth.files import read_bytes

__all__ = ["Binding", "find_binding"]


@dataclass(frozen=True, slots=True)
class Binding:
    """The proxy for token requests: its address, its server name, and its CA certificates."""

    proxy: str
    server_name: str
    ca: str = field(default="", repr=False)
    ca_places: ClassVar[str] = f"{_env.AZURE_KUBERNETES_CA_FILE} or {_env.AZURE_KUBERNETES_CA_DATA}"

    def address(self, url: str) -> str:
        """Return the proxy's address for an address of the authority."""
        return self.proxy.rstrip("/") + "/" + urlsplit(url).path.lstrip("/")

    def mount(self, session: HttpSession) -> None:
        """Make the HTTP session trust the proxy and use its server name; raises SettingsError."""
        context = ssl.create_default_context()
        if self.ca:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(cadata=self.ca)
            except ssl.SSLError as error:
                raise SettingsError(
                    "login workloadidentity: the CA certificates of the token proxy cannot be read",
                    hint=f"check {self.ca_places}, which the cluster sets",
                ) from error
        from kubeauth.adapters.requests_session import Adapter

        requests = session.through_requests()
        usual: Any = requests.get_adapter("https://")
        requests.mount(
            self.proxy, Adapter(context, usual.max_retries, server_name=self.server_name)
        )


def find_binding(environ: Mapping[str, str]) -> Binding | None:
    """Return the binding that the cluster announces, None without one; raises SettingsError."""
    proxy = environ.get(_env.AZURE_KUBERNETES_TOKEN_PROXY, "")
    if not proxy:
        return None
    if not is_https_address(proxy):
        raise SettingsError(
            f"{_env.AZURE_KUBERNETES_TOKEN_PROXY}: {proxy!r} is not a plain https URL",
            hint="the cluster sets it for pods with identity binding; unset it elsewhere",
        )
    file = environ.get(_env.AZURE_KUBERNETES_CA_FILE, "")
    data = environ.get(_env.AZURE_KUBERNETES_CA_DATA, "")
    if file and data:
        raise SettingsError(
            f"{_env.AZURE_KUBERNETES_CA_FILE} and {_env.AZURE_KUBERNETES_CA_DATA} are both set",
            hint="unset one of them",
        )
    if file:
        try:
            data = read_bytes(file).decode("ascii")
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{_env.AZURE_KUBERNETES_CA_FILE}: cannot read {file}",
                hint="check that the volume with it is mounted",
            ) from error
    return Binding(proxy, environ.get(_env.AZURE_KUBERNETES_SNI_NAME, ""), data)
