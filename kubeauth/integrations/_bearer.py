"""The Authorization header (RFC 6750 2.1), and what becomes of it after a 401."""

from __future__ import annotations

import threading
from typing import Final

from kubeauth.credential import Credential
from kubeauth.token import AccessToken

__all__ = ["UNAUTHORIZED", "Bearer"]

UNAUTHORIZED: Final = 401
# A token that proves possession of a key is signed anew for every request, so there can be many.
_REMEMBERED: Final = 64


class Bearer:
    """The header's value, from a credential; may be used by many threads. Its calls block."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self._lock = threading.Lock()
        self._sent: dict[str, AccessToken] = {}
        self._admitted = ""

    def header(self) -> str:
        """Give the value to send now. Raises SignInError if no token can be had."""
        return self._remembered(self.credential.token())

    def answered(self, header: str, status: int) -> bool:
        """Take note of how a request with ``header`` was answered; says whether it was admitted."""
        if status == UNAUTHORIZED:
            return False
        self._admitted = header
        return True

    def after_rejection(self, header: str) -> str | None:
        """Give another value after ``header`` was answered 401, None if that would not help.

        Raises SignInError if a new token is needed and cannot be had.
        """
        rejected = self._sent.get(header)
        if rejected is None:
            return None
        worked = self._admitted == header
        value = self._remembered(self.credential.renewed(rejected, worked=worked))
        return None if value == header else value

    def _remembered(self, token: AccessToken) -> str:
        """Give the header for a token, and remember it until its answer has come."""
        value = f"Bearer {token.token}"
        with self._lock:
            self._sent[value] = token
            if len(self._sent) > _REMEMBERED:
                del self._sent[next(iter(self._sent))]
        return value
