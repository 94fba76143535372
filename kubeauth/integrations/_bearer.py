"""The Authorization header (RFC 6750 section 2.1), and how to replace it after a 401."""

from __future__ import annotations

import threading
import weakref
from typing import Final

from kubeauth.credential import Credential
from kubeauth.token import AccessToken

__all__ = ["UNAUTHORIZED", "Bearer", "Bearers"]

UNAUTHORIZED: Final = 401
# A proof-of-possession token has a new signature for every request, so there can be many headers.
_REMEMBERED: Final = 64


class Bearer:
    """Makes the header's value from a credential. Threads may share one. Its calls block."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self._lock = threading.Lock()
        self._sent: dict[str, AccessToken] = {}
        self._admitted = ""

    def header(self) -> str:
        """Return the value to send now. Raises SignInError if the sign-in fails."""
        return self._remembered(self.credential.token())

    def sent(self, header: str) -> bool:
        """Return whether ``header`` is a value that this object made recently."""
        return header in self._sent

    def answered(self, header: str, status: int) -> bool:
        """Record the answer to a request with ``header``; return whether it was admitted."""
        if status == UNAUTHORIZED:
            return False
        self._admitted = header
        return True

    def after_rejection(self, header: str) -> str | None:
        """Return another value after ``header`` was answered 401, or None if that cannot help.

        Raises SignInError if a new token is needed and the sign-in fails.
        """
        rejected = self._sent.get(header)
        if rejected is None:
            return None
        worked = self._admitted == header
        value = self._remembered(self.credential.renewed(rejected, worked=worked))
        return None if value == header else value

    def _remembered(self, token: AccessToken) -> str:
        """Return the header for a token, and remember which token it was."""
        value = f"Bearer {token.token}"
        with self._lock:
            self._sent[value] = token
            if len(self._sent) > _REMEMBERED:
                del self._sent[next(iter(self._sent))]
        return value


class Bearers:
    """All bearers of one client library, so that any of its requests can find its own.

    The references are weak: a bearer lives as long as a configuration uses it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: weakref.WeakValueDictionary[int, Bearer] = weakref.WeakValueDictionary()

    def add(self, bearer: Bearer) -> None:
        """Let ``find`` return this bearer."""
        with self._lock:
            self._known[id(bearer)] = bearer

    def find(self, header: str) -> Bearer | None:
        """Return the bearer that made ``header``, or None if another program part made it."""
        with self._lock:
            known = list(self._known.values())
        return next((bearer for bearer in known if bearer.sent(header)), None)
