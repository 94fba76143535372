"""One sign-in at a time for each identity, however many processes and threads want one.

The lock is the operating system's: a process that is killed frees it at once.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Final

from kubeauth.cache.names import LOCK
from kubeauth.cache.store import Store

__all__ = ["sign_in_lock"]

logger = logging.getLogger(__name__)

_POLL: Final = 0.02
# Where there is no file to lock, threads of this process still wait for each other.
_THREADS: Final[dict[str, threading.Lock]] = {}


@contextlib.contextmanager
def sign_in_lock(store: Store, digest: str, limit: float) -> Iterator[bool]:
    """Hold the lock called ``digest``; gives whether it is held.

    Waits for ``limit`` seconds at most (0: not at all). Whoever has waited should look into the
    cache again. Not holding it forbids nothing: two sign-ins are better than none.
    """
    release = _acquired(store, digest, limit)
    try:
        yield release is not None
    finally:
        if release is not None:
            release()


def _acquired(store: Store, digest: str, limit: float) -> Callable[[], object] | None:
    """Take the lock and give what releases it, or None if that took too long."""
    if store.folder is not None:
        import filelock

        try:
            place = store.folder.ready() / (digest + LOCK)
            lock_file = filelock.FileLock(place, mode=0o600, thread_local=False)
            lock_file.acquire(timeout=limit, poll_interval=_POLL)
        except filelock.Timeout:
            return None
        except OSError as error:
            logger.debug("no lock between processes: %s", error)
        else:
            return lock_file.release
    lock = _THREADS.setdefault(digest, threading.Lock())
    return lock.release if lock.acquire(timeout=limit) else None
