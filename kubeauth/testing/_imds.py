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

from ._entra_errors import EntraError
from ._entra_mint import Mint
from ._http import Response, json_response

if TYPE_CHECKING:
    from ._directory import ManagedIdentity
    from ._entra_state import EntraState
    from ._http import Request

_PATH = "/metadata/identity/oauth2/token"
_SELECTORS = ("client_id", "object_id", "msi_res_id", "mi_res_id")
_SEVERAL = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
    "identity in the token request"
)
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


class Imds:
    """Hands out tokens of the machine's identities.

    A request that names none is for the system-assigned one, else for the only one there is.

    `requests_per_second` is the limit above which it answers 429; None switches it off.
    """

    def __init__(self, state: EntraState) -> None:
        self._state = state
        self._mint = Mint(state)
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()
        self.requests_per_second: int | None = None

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        problem = self._refusal(request)
        if problem is not None:
            return problem
        identity = self._identity(request)
        if identity is None:
            several = len(self._state.directory.identities) > 1
            named = any(name in request.query for name in _SELECTORS)
            text = _SEVERAL if several and not named else "Identity not found"
            return _error(400, "invalid_request", text)
        resource = request.query["resource"]
        tenant = self._state.tenant(identity.tenant_id)
        try:
            self._state.check_resource(tenant, resource)
            self._state.fail_if_scripted(identity.object_id, identity.client_id)
        except EntraError as error:
            return _error(error.status, error.error, error.text)
        return self._token(identity, resource)

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
        now = self._state.clock.now()
        with self._lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            self._recent.append(now)
            return len(self._recent) > self.requests_per_second

    def _identity(self, request: Request) -> ManagedIdentity | None:
        query = request.query
        known = self._state.directory.identities
        if client_id := query.get("client_id"):
            return next((i for i in known if i.client_id.lower() == client_id.lower()), None)
        if object_id := query.get("object_id"):
            return next((i for i in known if i.object_id.lower() == object_id.lower()), None)
        if resource_id := query.get("msi_res_id") or query.get("mi_res_id"):
            return next((i for i in known if i.resource_id.lower() == resource_id.lower()), None)
        own = [i for i in known if i.system_assigned] or known
        return own[0] if len(own) == 1 else None

    def _token(self, identity: ManagedIdentity, resource: str) -> Response:
        tenant = self._state.tenant(identity.tenant_id)
        answer = self._mint.for_application(tenant, identity, resource, strength="2")
        now = int(self._state.clock.now())
        lifetime = self._state.settings.token_lifetime
        # Numbers are sent as strings here, other than by Entra ID.
        return json_response(
            200,
            {
                "access_token": answer["access_token"],
                "client_id": identity.client_id,
                "expires_in": str(lifetime),
                "expires_on": str(now + lifetime),
                "ext_expires_in": str(lifetime),
                "not_before": str(now),
                "resource": resource,
                "token_type": "Bearer",
            },
        )


def _error(status: int, error: str, text: str) -> Response:
    return json_response(status, {"error": error, "error_description": text})
