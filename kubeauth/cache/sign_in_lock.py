"""The lock that one sign-in at a time holds, for each identity, across processes and threads."""

from __future__ import annotations

import _thread
import contextlib
from collections.abc import Callable, Iterator

from kubeauth.cache.storage.file_lock import FileLock
from kubeauth.cache.storage.names import LOCK
from kubeauth.cache.storage.store import Store
from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["sign_in_lock"]

logger = Logger(__name__)

# After how long a call says that it waits for another one, in seconds.
_SILENCE: Final = 2.0

# Locks between the threads of this process, for a cache without files.
_THREADS: Final[dict[str, _thread.LockType]] = {}


@contextlib.contextmanager
def sign_in_lock(
    store: Store, digest: str, limit: float, show: Callable[[bool], object] = lambda _: None
) -> Iterator[bool]:
    """Hold the lock called ``digest``; yield whether this call holds it.

    Wait for at most ``limit`` seconds (0: do not wait). After waiting, look into the cache again.
    ``show`` is called with True if the wait takes longer than two seconds, and with False when
    such a wait is over.
    A call that does not get the lock may sign in anyway: a second sign-in does less harm than a
    failure.
    """
    release = _acquired(store, digest, min(limit, _SILENCE))
    if release is None and limit > _SILENCE:
        show(True)
        try:
            release = _acquired(store, digest, limit - _SILENCE)
        finally:
            show(False)
    try:
        yield release is not None
    finally:
        if release is not None:
            release()


def _acquired(store: Store, digest: str, limit: float) -> Callable[[], object] | None:
    """Take the lock and return the function that releases it, or None after ``limit`` seconds."""
    if store.folder is not None:
        try:
            lock = FileLock(f"{store.folder.ready()}/{digest}{LOCK}")
            return lock.release if lock.acquire(limit) else None
        except OSError as error:
            logger.debug("cannot lock out other processes: %s", error)
    in_process = _THREADS.setdefault(digest, _thread.allocate_lock())
    return in_process.release if in_process.acquire(timeout=limit) else None
