"""Simulated Azure services that name an identity endpoint in a program's variables.

Each class plays one service's endpoint by its documentation, and refuses the same requests:
"How to use managed identities for App Service and Azure Functions" (REST endpoint reference),
"Authenticate against Azure resources with Azure Arc-enabled servers", "How to leverage a Service
Fabric application's managed identity", "Acquire tokens in Cloud Shell". Azure Machine Learning has
no such page; its class accepts the requests that azure-identity sends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets as random
import ssl
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cryptography.hazmat.primitives.asymmetric import ec

from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.identity.google import GoogleMetadata
from kubeauth.testing.identity.imds import answer
from kubeauth.testing.wire.http import DuplicateParameter, Response, json_response, unique
from kubeauth.testing.wire.tls import key_pem, self_signed, server_context

if TYPE_CHECKING:
    from kubeauth.testing.entra.directory import ManagedIdentity
    from kubeauth.testing.identity.machine import Grant, Machine
    from kubeauth.testing.wire.http import Handler, Request

ARC_FOLDER = (
    os.path.expandvars(r"%ProgramData%\AzureConnectedMachineAgent\Tokens")
    if os.name == "nt"
    else "/var/opt/azcmagent/tokens"
)
"""The folder in which the agent of Azure Arc writes one-time keys for its clients."""


class IdentityHost(ABC):
    """One service. `environ` are the variables that its programs find."""

    path: ClassVar[str]
    version: ClassVar[str]
    method: ClassVar[str] = "GET"
    refusal: ClassVar[int] = 400

    def __init__(self, machine: Machine, base: str) -> None:
        self._machine = machine
        self._url = base + self.path
        self.secret = random.token_hex(16)

    @property
    @abstractmethod
    def environ(self) -> dict[str, str]:
        """The variables that the service sets."""

    @abstractmethod
    def _error(self, status: int, code: str, text: str) -> Response:
        """Return a refusal in the service's own form."""

    @abstractmethod
    def _check_caller(self, request: Request) -> Response | None:
        """Return a refusal unless the caller proved that it runs on this machine."""

    def _names(self, asked: dict[str, str]) -> dict[str, str]:
        """Return the ids that name the identity, and remove them from `asked`."""
        return {
            "client_id": asked.pop("client_id", ""),
            "object_id": asked.pop("object_id", ""),
            "resource_id": asked.pop("mi_res_id", ""),
        }

    def _answer(self, identity: ManagedIdentity, resource: str, grant: Grant) -> dict[str, Any]:
        return answer(identity, resource, grant)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if "x-forwarded-for" in request.headers or not request.target.startswith("/"):
            return self._error(400, "BadRequest", "The request came through a proxy")
        if request.method != self.method:
            return self._error(405, "MethodNotAllowed", f"{request.method} is not allowed")
        refused = self._check_caller(request)
        if refused is not None:
            return refused
        try:
            asked = self._asked(request)
        except DuplicateParameter as error:
            return self._error(400, "BadRequest", f"{error} was given twice")
        if self.version and asked.pop("api-version", "") != self.version:
            return self._error(400, "UnsupportedApiVersion", "The api-version is not supported")
        resource = asked.pop("resource", "")
        if not resource:
            return self._error(400, "ArgumentNullOrEmpty", "'resource' is missing")
        names = self._names(asked)
        if asked or sum(map(bool, names.values())) > 1:
            return self._error(400, "BadRequest", f"not understood: {sorted(asked)}")
        return self._granted(resource, names)

    def _asked(self, request: Request) -> dict[str, str]:
        return unique(request.target.partition("?")[2])

    def _granted(self, resource: str, names: dict[str, str]) -> Response:
        identity = self._machine.find(**names)
        if identity is None:
            return self._error(
                400,
                "ManagedIdentityNotFound",
                "No User Assigned or Delegated Managed Identity found for specified "
                "ClientId/ResourceId/PrincipalId.",
            )
        try:
            grant = self._machine.grant(identity, resource)
        except EntraError as error:
            return self._error(self.refusal, error.error, error.text)
        return json_response(200, self._answer(identity, resource, grant))


class AppService(IdentityHost):
    """App Service, Functions, Container Apps, Container Instances and Automation."""

    path = "/msi/token"
    version = "2019-08-01"
    refusal = 500  # not documented, but seen for a resource that does not exist

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the service sets."""
        return {"IDENTITY_ENDPOINT": self._url, "IDENTITY_HEADER": self.secret}

    def _check_caller(self, request: Request) -> Response | None:
        if request.headers.get("x-identity-header") == self.secret:
            return None
        return self._error(401, "Unauthorized", "The header X-IDENTITY-HEADER is wrong")

    def _error(self, status: int, code: str, text: str) -> Response:
        return json_response(status, {"statusCode": status, "message": text})

    def _answer(self, identity: ManagedIdentity, resource: str, grant: Grant) -> dict[str, Any]:
        whole = answer(identity, resource, grant)
        told = ("access_token", "client_id", "expires_on", "resource", "token_type")
        return {name: whole[name] for name in told}


class MachineLearning(AppService):
    """Azure Machine Learning."""

    path = "/ml/msi/token"
    version = "2017-09-01"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the service sets."""
        return {"MSI_ENDPOINT": self._url, "MSI_SECRET": self.secret}

    def _check_caller(self, request: Request) -> Response | None:
        if request.headers.get("secret") == self.secret:
            return None
        return self._error(401, "Unauthorized", "The header secret is wrong")

    def _names(self, asked: dict[str, str]) -> dict[str, str]:
        return {
            "client_id": asked.pop("clientid", ""),
            "object_id": asked.pop("object_id", ""),
            "resource_id": asked.pop("msi_res_id", "") or asked.pop("mi_res_id", ""),
        }


class Arc(IdentityHost):
    """A server that is connected by Azure Arc.

    A caller that can read the folder of one-time keys proves that it runs on the machine. The path
    of that folder is fixed, so a test needs the right to write there. Set `knows_user_assigned` to
    false for agents that have only the machine's own identity and ignore the ids in a request.
    """

    path = "/arc/metadata/identity/oauth2/token"
    version = "2020-06-01"

    def __init__(self, machine: Machine, base: str) -> None:
        super().__init__(machine, base)
        self.folder = Path(ARC_FOLDER)
        self.writes_keys = True
        self.knows_user_assigned = True
        self._keys: dict[str, Path] = {}
        self._made: list[Path] = []

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the service sets."""
        imds = self._url.removesuffix("/metadata/identity/oauth2/token")
        return {"IDENTITY_ENDPOINT": self._url, "IMDS_ENDPOINT": imds}

    def _check_caller(self, request: Request) -> Response | None:
        if request.headers.get("metadata", "").lower() != "true":
            return self._error(400, "BadRequest", "The header Metadata is missing")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        file = self._keys.pop(key, None) if scheme.lower() == "basic" else None
        if file is not None:
            file.unlink(missing_ok=True)
            return None
        key = random.token_hex(32)
        file = self.folder / f"{random.token_hex(8)}.key"
        if self.writes_keys:
            self._made = self._made or [
                f for f in (self.folder, self.folder.parent) if not f.exists()
            ]
            self.folder.mkdir(parents=True, exist_ok=True)
            file.touch(0o600)
            file.write_text(key)
            self._keys[key] = file
        refused = self._error(401, "Unauthorized", "Read the key and send it along")
        challenge = {"WWW-Authenticate": f"Basic realm={file}"}
        return Response(401, refused.body, {**refused.headers, **challenge})

    def _error(self, status: int, code: str, text: str) -> Response:
        return json_response(status, {"error": code, "error_description": text})

    def _names(self, asked: dict[str, str]) -> dict[str, str]:
        names = {
            "client_id": asked.pop("client_id", ""),
            "object_id": asked.pop("object_id", ""),
            "resource_id": asked.pop("msi_res_id", ""),
        }
        return names if self.knows_user_assigned else dict.fromkeys(names, "")

    def _answer(self, identity: ManagedIdentity, resource: str, grant: Grant) -> dict[str, Any]:
        whole = answer(identity, resource, grant)
        if not self.knows_user_assigned:
            return {name: value for name, value in whole.items() if name != "client_id"}
        ids = {"object_id": identity.object_id, "msi_res_id": identity.resource_id}
        return {**whole, **ids}

    def close(self) -> None:
        """Remove the unused keys."""
        for file in self._keys.values():
            file.unlink(missing_ok=True)
        for folder in self._made:
            with contextlib.suppress(OSError):  # the folder has keys of another program
                folder.rmdir()


class ServiceFabric(IdentityHost):
    """Service Fabric: TLS with a certificate that clients check by its thumbprint only."""

    path = "/metadata/identity/oauth2/token"
    version = "2019-07-01-preview"

    def __init__(self, machine: Machine, folder: Path) -> None:
        super().__init__(machine, "")
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self_signed(key, "ServiceFabricEndpoint")
        file = folder / "service-fabric.pem"
        file.touch(0o600)
        file.write_bytes(key_pem(key) + certificate)
        self.tls = server_context(file)
        binary = ssl.PEM_cert_to_DER_cert(certificate.decode())
        self.thumbprint = hashlib.sha1(binary).hexdigest().upper()  # noqa: S324  # the protocol's
        self.port = 0

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the service sets."""
        return {
            "IDENTITY_ENDPOINT": f"https://localhost:{self.port}{self.path}",
            "IDENTITY_HEADER": self.secret,
            "IDENTITY_SERVER_THUMBPRINT": self.thumbprint,
            "IDENTITY_API_VERSION": self.version,
        }

    def _check_caller(self, request: Request) -> Response | None:
        if request.path != self.path:
            return self._error(404, "NotFound", "There is nothing here")
        if request.headers.get("secret") == self.secret:
            return None
        return self._error(400, "SecretHeaderNotFound", "Secret is not found in the headers.")

    def _error(self, status: int, code: str, text: str) -> Response:
        error = {"correlationId": random.token_hex(8), "code": code, "message": text}
        return json_response(status, {"error": error})

    def _names(self, asked: dict[str, str]) -> dict[str, str]:
        return {}  # the application's manifest names the identity, not the request

    def _answer(self, identity: ManagedIdentity, resource: str, grant: Grant) -> dict[str, Any]:
        return {
            "token_type": "Bearer",
            "access_token": grant.access_token,
            "expires_on": grant.expires_on,
            "resource": resource,
        }


class CloudShell(IdentityHost):
    """Azure Cloud Shell, which has one identity and answers POST requests."""

    path = "/cloud-shell/oauth2/token"
    version = ""
    method = "POST"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the service sets."""
        return {"MSI_ENDPOINT": self._url, "AZUREPS_HOST_ENVIRONMENT": "cloud-shell/1.0"}

    def _check_caller(self, request: Request) -> Response | None:
        if request.headers.get("metadata", "").lower() == "true":
            return None
        return self._error(400, "BadRequest", "The header Metadata is missing")

    def _error(self, status: int, code: str, text: str) -> Response:
        return json_response(status, {"error": {"code": code, "message": text}})

    def _asked(self, request: Request) -> dict[str, str]:
        return request.form()

    def _names(self, asked: dict[str, str]) -> dict[str, str]:
        return {}


class IdentityHosts:
    """All simulated services, one attribute each; `google` is that of another cloud."""

    def __init__(self, machine: Machine, base: str, folder: Path) -> None:
        self.app_service = AppService(machine, base)
        self.machine_learning = MachineLearning(machine, base)
        self.arc = Arc(machine, base)
        self.cloud_shell = CloudShell(machine, base)
        self.service_fabric = ServiceFabric(machine, folder)
        self.google = GoogleMetadata(machine.state, base)

    def at(self, path: str) -> Handler | None:
        """Return the service at a path of the machine's plain HTTP address, or None."""
        if path.startswith("/computeMetadata/"):
            return self.google
        hosts = (self.app_service, self.machine_learning, self.arc, self.cloud_shell)
        return next((host for host in hosts if host.path == path), None)

    def reset(self) -> None:
        """Undo the changes of tests."""
        self.arc.writes_keys = self.arc.knows_user_assigned = True
        self.google.account = ""
