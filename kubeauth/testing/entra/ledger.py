"""A ledger of issued tokens, their owners and their revocations."""

from __future__ import annotations

import secrets as random
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """The sign-in behind a refresh token."""

    client_id: str
    tenant_id: str
    object_id: str
    resource: str
    serial: int
    expires_at: float


class Ledger:
    """Numbers the issued tokens; a revocation covers all numbers so far.

    With numbers instead of times, a token stays valid if Entra ID issues it after a revocation in
    the same second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = 0
        self._access: dict[str, int] = {}
        self._refresh: dict[str, Grant] = {}
        self._revoked_all = 0
        self._revoked: dict[str, int] = {}
        self._seen_assertions: set[str] = set()

    def register_access(self, identifier: str) -> None:
        """Record the access token whose `uti` claim is `identifier`."""
        with self._lock:
            self._serial += 1
            self._access[identifier] = self._serial

    def issue_refresh(
        self, client_id: str, tenant_id: str, object_id: str, resource: str, expires_at: float
    ) -> str:
        """Return a new refresh token."""
        token = "1.A" + random.token_urlsafe(96)
        with self._lock:
            self._serial += 1
            self._refresh[token] = Grant(
                client_id, tenant_id, object_id, resource, self._serial, expires_at
            )
        return token

    def grant(self, refresh_token: str) -> Grant | None:
        """Return the grant of a refresh token, or None for an unknown one."""
        with self._lock:
            return self._refresh.get(refresh_token)

    def revoke(self, object_id: str | None) -> None:
        """Revoke everything issued so far to one identity, or (None) to all."""
        with self._lock:
            if object_id is None:
                self._revoked_all = self._serial
            else:
                self._revoked[object_id] = self._serial

    def access_revoked(self, identifier: str, object_id: str) -> bool:
        """Return whether an access token is revoked."""
        with self._lock:
            return self._is_revoked(self._access.get(identifier, self._serial + 1), object_id)

    def grant_revoked(self, grant: Grant) -> bool:
        """Return whether a refresh token is revoked."""
        with self._lock:
            return self._is_revoked(grant.serial, grant.object_id)

    def _is_revoked(self, serial: int, object_id: str) -> bool:
        return serial <= max(self._revoked_all, self._revoked.get(object_id, 0))

    def first_use(self, assertion_id: str) -> bool:
        """Return whether a client assertion's `jti` is seen for the first time, and remember it."""
        with self._lock:
            fresh = assertion_id not in self._seen_assertions
            self._seen_assertions.add(assertion_id)
            return fresh

    def forget_revocations(self) -> None:
        """Delete all revocations."""
        with self._lock:
            self._revoked_all = 0
            self._revoked.clear()
            self._seen_assertions.clear()
