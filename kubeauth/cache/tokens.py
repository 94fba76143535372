"""Access tokens and sign-in sessions by key: what one process leaves for the next."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kubeauth.cache.folder import TEMPORARY, PrivateFolder
from kubeauth.token import AccessToken

__all__ = ["Key", "TokenCache"]

logger = logging.getLogger(__name__)

_TOKEN: Final = "token"  # noqa: S105
_SESSION: Final = "session"
# Part of every file name, so that a change of the format makes old files unknown instead of wrong.
_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Key:
    """Everything that decides who a token is for and what it opens.

    ``identity`` says who signs in, where and how; one sign-in can give tokens for many scopes.
    """

    identity: tuple[tuple[str, str], ...]
    scope: str

    @classmethod
    def of(cls, identity: Mapping[str, str], scope: str) -> Key:
        """Make a key from named parts; their order does not matter, empty ones do not count."""
        return cls(tuple(sorted((k, v) for k, v in identity.items() if v)), scope)

    def file_name(self, kind: str) -> str:
        """Give the name of the file with this key's token or session.

        NOTE: an identity may hold a client secret, so that another secret is another identity. Only
        this digest of all parts together is ever written.
        """
        scope = self.scope if kind == _TOKEN else ""
        text = json.dumps([_VERSION, self.identity, scope])
        return f"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}.{kind}.json"


class TokenCache:
    """The cache on disk. Nothing in it is an error: what cannot be read is signed in for again.

    ``warn`` is told once, in one line, if something could not be kept. ``folder`` may be None: then
    nothing is kept.
    """

    def __init__(self, folder: PrivateFolder | None, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._warned = False

    def token(self, key: Key) -> AccessToken | None:
        """Give the token kept for ``key``, fresh or not."""
        content = self._read(key.file_name(_TOKEN))
        try:
            fields = json.loads(content or b"null")
            token = AccessToken(
                str(fields["token"]), int(fields["expires_on"]), fields["refresh_on"]
            )
            if token.refresh_on is not None and not isinstance(token.refresh_on, int):
                raise TypeError("refresh_on is not a number")
        except (ValueError, TypeError, KeyError):
            return None
        return token

    def keep_token(self, key: Key, token: AccessToken) -> None:
        """Keep a token for ``key``."""
        fields = {
            "token": token.token,
            "expires_on": token.expires_on,
            "refresh_on": token.refresh_on,
        }
        self._write(key.file_name(_TOKEN), json.dumps(fields).encode())

    def session(self, key: Key) -> str:
        """Give the sign-in session kept for the identity of ``key`` (opaque text), or ""."""
        content = self._read(key.file_name(_SESSION))
        return (content or b"").decode("utf-8", "replace")

    def keep_session(self, key: Key, session: str) -> None:
        """Keep a sign-in session, which may hold refresh tokens."""
        self._write(key.file_name(_SESSION), session.encode())

    def forget_session(self, key: Key) -> None:
        """Drop the session of an identity that has to sign in again."""
        if self._folder is not None:
            try:
                self._folder.delete(key.file_name(_SESSION))
            except OSError as error:
                logger.debug("cannot delete a session: %s", error)

    def clear(self) -> list[str]:
        """Delete everything kept, and the folder if that leaves it empty; gives what was deleted.

        Files that are not this cache's stay. Raises OSError for what cannot be deleted.
        """
        if self._folder is None:
            return []
        ours = [name for name in self._folder.names() if _is_ours(name)]
        deleted = [name for name in ours if self._folder.delete(name)]
        self._folder.remove_if_empty()
        return deleted

    def _read(self, name: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            return self._folder.read(name)
        except OSError as error:
            logger.debug("cannot use the cached %s: %s", name, error)
            return None

    def _write(self, name: str, content: bytes) -> None:
        reason: object = "there is no home folder; name a folder with --cache-dir"
        if self._folder is not None:
            try:
                self._folder.write(name, content)
            except OSError as error:
                reason = f"{error}; name another folder with --cache-dir"
            else:
                return
        if not self._warned:
            self._warned = True
            self._warn(f"the token is not kept for the next call: {reason}")


def _is_ours(name: str) -> bool:
    """Say whether a file name is one this cache makes, the remains of a killed write included."""
    digest, _, kind = name.partition(".")
    finished = kind in (f"{_TOKEN}.json", f"{_SESSION}.json") and len(digest) == 32
    return finished or name.startswith(TEMPORARY)
