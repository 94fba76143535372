"""The sign-ins of people, which hold refresh tokens: encrypted wherever there is a keyring.

A refresh token lives for months, so it gets more care than an access token. The ciphertext is a
file, and its key is in the operating system's keyring; where there is none, the file is plain and
private.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeauth.cache.keyring_key import NoKeyring, existing_key, make_key
from kubeauth.cache.names import ENCRYPTED_SESSION, PLAIN_SESSION
from kubeauth.cache.store import Store
from kubeauth.cache.tokens import Key
from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["SessionStore"]

logger = Logger(__name__)

_NONCE_BYTES: Final = 12


class SessionStore:
    """Sessions (opaque text) by key. Nothing in it is an error: what cannot be read is absent.

    ``warn`` is told in one line where a session lies if that is not what one would expect.
    """

    def __init__(self, store: Store, warn: Callable[[str], None]) -> None:
        self._store = store
        self._warn = warn
        self._encrypts = store.storage in ("auto", "keyring") and store.folder is not None

    def get(self, key: Key) -> str:
        """Return the session kept for the identity of ``key``, or ""."""
        name = key.session_digest
        sealed = self._store.read(name + ENCRYPTED_SESSION) if self._encrypts else None
        if sealed is not None:
            try:
                content = _opened(sealed, name, existing_key())
            except NoKeyring as error:
                logger.info("the kept sign-in cannot be decrypted: %s", error)
                content = None
            if content is not None:
                return content
        if self._store.storage == "keyring":
            return ""
        return (self._store.read(name + PLAIN_SESSION) or b"").decode("utf-8", "replace")

    def has(self, key: Key) -> bool:
        """Return whether a session is kept, without looking into it."""
        names = [key.session_digest + ending for ending in (PLAIN_SESSION, ENCRYPTED_SESSION)]
        return any(self._store.read(name) is not None for name in names)

    def keep(self, key: Key, session: str) -> None:
        """Keep a session, encrypted if that is possible and wanted."""
        name = key.session_digest
        if self._encrypts:
            try:
                sealed = _sealed(session, name, existing_key() or make_key())
            except NoKeyring as error:
                self._keep_plain(name, session, str(error))
            else:
                self._store.write(name + ENCRYPTED_SESSION, sealed)
                self._store.delete(name + PLAIN_SESSION)
        else:
            self._store.write(name + PLAIN_SESSION, session.encode())

    def forget(self, session_digest: str) -> bool:
        """Drop a session; says whether there was one."""
        gone = [
            self._store.delete(session_digest + ending)
            for ending in (PLAIN_SESSION, ENCRYPTED_SESSION)
        ]
        return any(gone)

    def digests(self) -> list[str]:
        """Return the names of every session kept."""
        names = {name.partition(".")[0] for name in self._store.names() if ".session." in name}
        return sorted(names)

    def _keep_plain(self, name: str, session: str, reason: str) -> None:
        """Keep a session in the clear if that may be, and say so the first time."""
        if self._store.storage == "keyring":
            self._warn(
                f"the sign-in is not kept: {reason}; --cache-storage file keeps it in a file"
            )
            return
        known = self._store.read(name + PLAIN_SESSION) is not None
        if self._store.write(name + PLAIN_SESSION, session.encode()) and not known:
            self._warn(
                f"the sign-in is kept in a file that only you can read, not encrypted: {reason}; "
                "--cache-storage file silences this"
            )


def _sealed(text: str, name: str, key: bytes) -> bytes:
    """Encrypt; the name is bound in, so that one session's file cannot stand in for another's."""
    import secrets

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), name.encode())


def _opened(content: bytes, name: str, key: bytes | None) -> str | None:
    """Decrypt; None for what this key did not encrypt under this name."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if key is None or len(content) <= _NONCE_BYTES:
        return None
    try:
        text = AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], name.encode())
    except InvalidTag:
        return None
    return text.decode()
