"""An exclusive lock on a file; the operating system releases it when its process ends.

This calls the standard library directly: filelock does the same through 33 modules, whose import
took an eighth of a sign-in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time

from kubeauth.files import undisturbed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["FileLock"]

# A waiting process tries again after pauses that grow from the first to the second value, in
# seconds, so that many waiting processes leave the processor to the one that signs in.
_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.1
# What Windows says of a lock that another process holds; Wine gives no reason.
_HELD: Final = (errno.EACCES, errno.EDEADLK, 0)


class FileLock:
    """The lock on one file, which ``acquire`` creates if it is missing. Not thread-safe."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, limit: float) -> bool:
        """Wait for the lock for at most ``limit`` seconds; return whether this process holds it.

        Raises OSError if the file system has no such locks, or the file cannot be opened.
        """
        deadline = time.monotonic() + limit
        pause = _FIRST_PAUSE
        while not self._taken():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return True

    def release(self) -> None:
        """Release the lock; leave its file in place."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _taken(self) -> bool:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = undisturbed(lambda: os.open(self._path, flags, 0o600))
        try:
            # Clearing the cache deletes the file, and a lock on a deleted file excludes no process.
            if _try_lock(descriptor) and _is_at(descriptor, self._path):
                self._descriptor = descriptor
                return True
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return False


def _is_at(descriptor: int, path: str) -> bool:
    # On Windows a file that is being deleted denies access.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _HELD:
                return False
            raise
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
