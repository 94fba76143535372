"""One sign-in at a time for each identity, however many processes and threads want one."""

from __future__ import annotations

import _thread
import contextlib
from collections.abc import Callable, Iterator

from kubeauth.cache.file_lock import FileLock
from kubeauth.cache.names import LOCK
from kubeauth.cache.store import Store
from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["sign_in_lock"]

logger = Logger(__name__)

# Without a file to lock, threads of this process still wait for each other.
_THREADS: Final[dict[str, _thread.LockType]] = {}


@contextlib.contextmanager
def sign_in_lock(store: Store, digest: str, limit: float) -> Iterator[bool]:
    """Hold the lock called ``digest``; yield whether it is held.

    Waits for ``limit`` seconds at most (0: not at all). A caller that has waited should look into
    the cache again. A caller that does not get the lock may sign in all the same: two sign-ins are
    better than none.
    """
    release = _acquired(store, digest, limit)
    try:
        yield release is not None
    finally:
        if release is not None:
            release()


def _acquired(store: Store, digest: str, limit: float) -> Callable[[], object] | None:
    """Take the lock and return the function that releases it, or None if that took too long."""
    if store.folder is not None:
        try:
            lock = FileLock(f"{store.folder.ready()}/{digest}{LOCK}")
            return lock.release if lock.acquire(limit) else None
        except OSError as error:
            logger.debug("no lock between processes: %s", error)
    in_process = _THREADS.setdefault(digest, _thread.allocate_lock())
    return in_process.release if in_process.acquire(timeout=limit) else None
