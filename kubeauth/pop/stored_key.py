"""Store the key for proofs of possession in the cache, protected like a session."""

from __future__ import annotations

from typing import Final

from kubeauth.cache.sessions import SessionStore
from kubeauth.cache.sign_in_lock import sign_in_lock
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import Key
from kubeauth.pop.key import ProofKey

__all__ = ["stored_key"]

_KEY: Final = Key.of({"purpose": "proof of possession"}, "")
# How long to wait for another process that is making the key; seconds.
_PATIENCE: Final = 10.0


def stored_key(store: Store) -> ProofKey:
    """Return this cache's key; make one at the first use, or if the stored one is damaged.

    If the cache stores nothing on disk, the key lives as long as the process.
    """
    # The sign-in already warns about unencrypted storage.
    sessions = SessionStore(store, lambda _: None)
    found = _read(sessions)
    if found is not None:
        return found
    with sign_in_lock(store, _KEY.digest, _PATIENCE):
        found = _read(sessions)
        if found is None:
            found = ProofKey.new()
            sessions.keep(_KEY, found.pem())
        return found


def _read(sessions: SessionStore) -> ProofKey | None:
    try:
        return ProofKey.from_pem(sessions.get(_KEY))
    except (ValueError, TypeError):
        return None
