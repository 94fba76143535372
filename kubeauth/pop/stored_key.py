"""The key of proofs from one call to the next, as private as a refresh token."""

from __future__ import annotations

from typing import Final

from kubeauth.cache.sessions import SessionStore
from kubeauth.cache.sign_in_lock import sign_in_lock
from kubeauth.cache.store import Store
from kubeauth.cache.tokens import Key
from kubeauth.pop.key import ProofKey

__all__ = ["stored_key"]

_KEY: Final = Key.of({"purpose": "proof of possession"}, "")
# How long to wait for another process that makes the key, in seconds.
_PATIENCE: Final = 10.0


def stored_key(store: Store) -> ProofKey:
    """Return this cache's key, making one at the first use or in place of one that is damaged.

    Where nothing is kept, the key lives as long as the process.
    """
    # Where a key lies is told when a sign-in is kept; telling it twice would not help.
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
