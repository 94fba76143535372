"""Find this machine's identity endpoint, and describe its requests.

Each Azure service names its endpoint in variables of its own; without these, it is IMDS.
Sources: "How managed identities for Azure resources work with Azure virtual machines", "How to use
managed identities for App Service" (REST endpoint reference), "Authenticate against Azure resources
with Azure Arc-enabled servers", "How to leverage a Service Fabric application's managed identity"
and "Acquire tokens in Cloud Shell" in Microsoft's documentation. Where the documentation is silent
(the order, Azure Machine Learning), follow MSAL and azure-identity.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

from kubeauth import _env
from kubeauth.errors import SettingsError
from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["IMDS", "Host", "arc_key_file", "find_host"]

# "Acquiring a user token" in the documentation of Azure Cloud Shell.
_CLOUD_SHELL: Final = "http://localhost:50342/oauth2/token"
_IMDS: Final = "http://169.254.169.254"
_TOKEN_PATH: Final = "/metadata/identity/oauth2/token"  # noqa: S105  # a path, not a password
# The agent of Azure Arc: its program, its endpoint, and the one folder in which its keys may lie.
_ARC_PROGRAMS: Final = {
    "linux": "/opt/azcmagent/bin/himds",
    "win32": r"%ProgramFiles%\AzureConnectedMachineAgent\himds.exe",
}
_ARC: Final = f"http://localhost:40342{_TOKEN_PATH}"
_ARC_FOLDERS: Final = {
    "linux": "/var/opt/azcmagent/tokens",
    "win32": r"%ProgramData%\AzureConnectedMachineAgent\Tokens",
}
IMDS: Final = "the instance metadata service"


class Host(Record):
    """One service's identity endpoint.

    ``name`` is for people. ``parameters`` and ``headers`` go with every request. ``ids`` are the
    parameters for a user-assigned identity's client, resource and object id; empty if the host's
    configuration chooses the identity. ``thumbprint``: the SHA-1 thumbprint of the only trusted
    certificate. ``by_key_file``: a file proves that the caller runs on this machine.
    """

    name: str
    url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ids: tuple[str, ...] = ()
    thumbprint: str = ""
    method: str = "GET"
    by_key_file: bool = False


def find_host(environ: Mapping[str, str]) -> Host:
    """Return the endpoint that the variables name, else IMDS.

    Raises SettingsError for a secret that cannot be sent in a header.
    """
    for name in (_env.IDENTITY_HEADER, _env.MSI_SECRET):
        if not environ.get(name, "").isascii():
            raise SettingsError(
                f"{name}: this is not what an Azure service sets",
                hint=f"unset {name} where no Azure service has set it",
            )
    endpoint = environ.get(_env.IDENTITY_ENDPOINT, "")
    header = environ.get(_env.IDENTITY_HEADER, "")
    thumbprint = environ.get(_env.IDENTITY_SERVER_THUMBPRINT, "")
    msi_endpoint, secret = environ.get(_env.MSI_ENDPOINT, ""), environ.get(_env.MSI_SECRET, "")
    shell = environ.get(_env.AZUREPS_HOST_ENVIRONMENT, "").lower().startswith("cloud-shell")
    if endpoint and header and thumbprint:
        return Host(
            "Service Fabric",
            endpoint,
            {"api-version": "2019-07-01-preview"},
            {"Secret": header},
            thumbprint=re.sub(r"[\s:]", "", thumbprint).lower(),
        )
    if endpoint and header:
        return Host(
            "App Service",
            endpoint,
            {"api-version": "2019-08-01"},
            {"X-IDENTITY-HEADER": header, "Metadata": "true"},
            ("client_id", "mi_res_id", "object_id"),
        )
    if msi_endpoint and secret:
        return Host(
            "Azure Machine Learning",
            msi_endpoint,
            {"api-version": "2017-09-01"},
            {"secret": secret},
            ("clientid", "msi_res_id", "object_id"),
        )
    if (msi_endpoint or shell) and not endpoint:
        url = msi_endpoint or _CLOUD_SHELL
        return Host("Cloud Shell", url, headers={"Metadata": "true"}, method="POST")
    if arc := _arc_endpoint(environ, endpoint):
        return Host(
            "Azure Arc",
            arc,
            {"api-version": "2020-06-01"},
            {"Metadata": "true"},
            ("client_id", "msi_res_id", "object_id"),
            by_key_file=True,
        )
    base = environ.get(_env.AZURE_POD_IDENTITY_AUTHORITY_HOST) or _IMDS
    return Host(
        IMDS,
        base.rstrip("/") + _TOKEN_PATH,
        {"api-version": "2018-02-01"},
        {"Metadata": "true"},
        ("client_id", "msi_res_id", "object_id"),
    )


def _arc_endpoint(environ: Mapping[str, str], endpoint: str) -> str:
    if endpoint and environ.get(_env.IMDS_ENDPOINT):
        return endpoint
    program = os.path.expandvars(_ARC_PROGRAMS.get(sys.platform, ""))
    return _ARC if program and os.path.exists(program) else ""


def arc_key_file(challenge: str) -> str:
    """Return the key file that a WWW-Authenticate header names, or "" if it is not allowed.

    NOTE: a false agent must not be able to make kubeauth send another file, so take only the name
    of the file from the answer, and accept only a ``.key``.
    """
    match = re.fullmatch(r'\s*Basic\s+realm="?([^",]+)"?\s*', challenge, re.IGNORECASE)
    folder = os.path.expandvars(_ARC_FOLDERS.get(sys.platform, ""))
    if match is None or not folder:
        return ""
    name = re.split(r"[/\\]", match[1])[-1]
    return os.path.join(folder, name) if name.endswith(".key") and name != ".key" else ""
