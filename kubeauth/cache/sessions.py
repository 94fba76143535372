"""People's sessions, which hold refresh tokens: encrypted if this machine has a keyring.

A refresh token lives for months, so it needs more protection than an access token. The file holds
ciphertext, and the operating system's keyring holds the key. Without a keyring, the file is plain
text that only its owner can read.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from kubeauth.cache.keyring_key import NoKeyring, existing_key, make_key
from kubeauth.cache.storage.names import ENCRYPTED_SESSION, PLAIN_SESSION
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import Key
from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["SessionStore"]

logger = Logger(__name__)

_NONCE_BYTES: Final = 12


class SessionStore:
    """Sessions (opaque text) by key. An unreadable session counts as absent, not as an error.

    Calls ``warn`` with one line if it stores a session unencrypted, or not at all. Make one for
    each sign-in: it asks the keyring for the key once.
    """

    def __init__(self, store: Store, warn: Callable[[str], None]) -> None:
        self._store = store
        self._warn = warn
        self._encrypts = store.storage in ("auto", "keyring") and store.folder is not None
        self._key: bytes | None = None

    def get(self, key: Key) -> str:
        """Return the session of the identity of ``key``, or ""."""
        name = key.session_digest
        sealed = self._store.read(name + ENCRYPTED_SESSION) if self._encrypts else None
        if sealed is not None:
            try:
                content = _opened(sealed, name, self._existing_key())
            except NoKeyring as error:
                logger.info("cannot decrypt the session: %s", error)
                content = None
            if content is not None:
                return content
        if self._store.storage == "keyring":
            return ""
        return (self._store.read(name + PLAIN_SESSION) or b"").decode("utf-8", "replace")

    def has(self, key: Key) -> bool:
        """Return whether the cache has a session, without decrypting it."""
        names = [key.session_digest + ending for ending in (PLAIN_SESSION, ENCRYPTED_SESSION)]
        return any(self._store.read(name) is not None for name in names)

    def keep(self, key: Key, session: str) -> None:
        """Store a session, encrypted if the storage asks for it and there is a keyring."""
        name = key.session_digest
        if self._encrypts:
            try:
                sealed = _sealed(session, name, self._existing_key() or make_key())
            except NoKeyring as error:
                self._keep_plain(name, session, str(error))
            else:
                self._store.write(name + ENCRYPTED_SESSION, sealed)
                self._store.delete(name + PLAIN_SESSION)
        else:
            self._store.write(name + PLAIN_SESSION, session.encode())

    def forget(self, session_digest: str) -> bool:
        """Delete a session and return whether there was one."""
        gone = [
            self._store.delete(session_digest + ending)
            for ending in (PLAIN_SESSION, ENCRYPTED_SESSION)
        ]
        return any(gone)

    def digests(self) -> list[str]:
        """Return the digests that name the sessions, sorted."""
        names = {
            name.partition(".")[0]
            for name in self._store.names()
            if name.endswith((PLAIN_SESSION, ENCRYPTED_SESSION))
        }
        return sorted(names)

    def _existing_key(self) -> bytes | None:
        self._key = self._key or existing_key()
        return self._key

    def _keep_plain(self, name: str, session: str, reason: str) -> None:
        """Store a session unencrypted if the storage allows it, and warn the first time."""
        if self._store.storage == "keyring":
            self._warn(
                f"the refresh token is not stored: {reason}; --cache-storage file stores it "
                "unencrypted in a file that only you can read"
            )
            return
        known = self._store.read(name + PLAIN_SESSION) is not None
        if self._store.write(name + PLAIN_SESSION, session.encode()) and not known:
            self._warn(
                "the refresh token is stored unencrypted in a file that only you can read: "
                f"{reason}; KUBEAUTH_CACHE_STORAGE=file silences this"
            )


def _sealed(text: str, name: str, key: bytes) -> bytes:
    """Encrypt ``text``; ``name`` is authenticated, so no file can take another session's place."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), name.encode())


def _opened(content: bytes, name: str, key: bytes | None) -> str | None:
    """Return the decrypted text, or None if ``key`` did not encrypt it under ``name``."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if key is None or len(content) <= _NONCE_BYTES:
        return None
    try:
        text = AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], name.encode())
    except InvalidTag:
        return None
    return text.decode()
