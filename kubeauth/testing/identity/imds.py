"""The instance metadata service's token address.

Source: "How to use managed identities for Azure resources on an Azure VM to acquire an access
token" and "Azure Instance Metadata Service for virtual machines" (header, proxies, rate limit).
"""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.wire.http import Response, json_response

if TYPE_CHECKING:
    from kubeauth.testing.entra.directory import ManagedIdentity
    from kubeauth.testing.identity.machine import Grant, Machine
    from kubeauth.testing.wire.http import Request

_PATH = "/metadata/identity/oauth2/token"
_SELECTORS = ("client_id", "object_id", "msi_res_id", "mi_res_id")
_SEVERAL = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
    "identity in the token request"
)
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


class Imds:
    """Issues tokens of the machine's identities.

    A request without an id is for the system-assigned identity, else for the only one.

    Above `requests_per_second` it answers 429; None means no limit.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()
        self.requests_per_second: int | None = None

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        problem = self._refusal(request)
        if problem is not None:
            return problem
        query = request.query
        identity = self._machine.find(
            client_id=query.get("client_id", ""),
            object_id=query.get("object_id", ""),
            resource_id=query.get("msi_res_id") or query.get("mi_res_id", ""),
        )
        if identity is None:
            named = any(name in query for name in _SELECTORS)
            text = _SEVERAL if self._machine.has_several and not named else "Identity not found"
            return _error(400, "invalid_request", text)
        try:
            grant = self._machine.grant(identity, query["resource"])
        except EntraError as error:
            return _error(error.status, error.error, error.text)
        return json_response(200, answer(identity, query["resource"], grant))

    def _refusal(self, request: Request) -> Response | None:
        # NOTE: header and proxy checks keep a tricked web server from fetching tokens (SSRF).
        if request.headers.get("metadata", "").lower() != "true":
            return _error(400, "bad_request_102", "Required metadata header not specified")
        if "x-forwarded-for" in request.headers or not request.target.startswith("/"):
            return _error(400, "bad_request_101", "The request came through a proxy")
        if request.path.rstrip("/") != _PATH:
            return _error(404, "not_found", "Resource not found")
        if request.method != "GET":
            return _error(405, "method_not_allowed", f"{request.method} is not allowed")
        if not _VERSION.fullmatch(request.query.get("api-version", "")):
            return _error(400, "invalid_request", "Required query variable 'api-version' missing")
        if not request.query.get("resource"):
            return _error(400, "invalid_request", "Required query variable 'resource' is missing")
        names = [name for name, _ in parse_qsl(urlsplit(request.target).query)]
        if sum(names.count(name) for name in _SELECTORS) > 1:
            return _error(400, "invalid_request", "More than one identity was specified")
        if self._is_too_fast():
            text = "Exceeded the number of requests in the allotted time"
            return _error(429, "too_many_requests", text)
        return None

    def _is_too_fast(self) -> bool:
        if self.requests_per_second is None:
            return False
        now = self._machine.state.clock.now()
        with self._lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            self._recent.append(now)
            return len(self._recent) > self.requests_per_second


def answer(identity: ManagedIdentity, resource: str, grant: Grant) -> dict[str, str]:
    """Return the fields of the answer to a token request; unlike Entra ID, numbers are strings."""
    return {
        "access_token": grant.access_token,
        "client_id": identity.client_id,
        "expires_in": str(grant.lifetime),
        "expires_on": str(grant.expires_on),
        "ext_expires_in": str(grant.lifetime),
        "not_before": str(grant.expires_on - grant.lifetime),
        "resource": resource,
        "token_type": "Bearer",
    }


def _error(status: int, error: str, text: str) -> Response:
    return json_response(status, {"error": error, "error_description": text})
