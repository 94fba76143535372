"""A folder that only its owner can read, and files in it that are whole or absent."""

from __future__ import annotations

import _thread
import contextlib
import os
import stat
import time

from kubeauth.cache.names import TEMPORARY
from kubeauth.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["NotPrivate", "PrivateFolder"]

# A larger file is none of ours.
_LARGEST: Final = 1 << 20
_SUBFOLDER: Final = "kubeauth"
# On Windows the user's profile is private by its access list, and mode bits say nothing.
_EXACT: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_HAS_MODES: Final = os.name == "posix"


class NotPrivate(OSError):
    """A folder that another user could read or change, which nothing is read from or written to."""


class PrivateFolder(Record):
    """Files of bytes by name, in ``path``.

    Where ``path`` exists and is open to others (a shared --cache-dir, /tmp), a private folder
    inside it is used: the rights of a folder that somebody else made are not ours to change.
    """

    path: str

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or None if there is none.

        Raises OSError if it cannot be read, NotPrivate if others could have written it.
        """
        folder = self._existing()
        if folder is None:
            return None
        # NOTE: no link is followed, and a pipe left in the way does not block.
        flags = os.O_RDONLY | _EXACT | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(f"{folder}/{name}", flags)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not _is_private(status):
                raise NotPrivate(f"{folder}/{name} is not a private file")
            return file.read(_LARGEST + 1)[:_LARGEST]

    def write(self, name: str, content: bytes) -> None:
        """Replace a file at once: a reader sees the old bytes or the new, also after a crash.

        Raises OSError if that cannot be done, NotPrivate if the folder is open to others.
        """
        folder = self.ready()
        mark = f"{os.getpid()}-{_thread.get_ident()}-{time.time_ns()}"
        temporary = f"{folder}/{TEMPORARY}{mark}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _EXACT, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, f"{folder}/{name}")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def ready(self) -> str:
        """Return the folder in use, made if need be; raises OSError as ``write`` does."""
        return self._existing() or self._made()

    def delete(self, name: str) -> bool:
        """Delete a file; says whether there was one. Raises OSError if it cannot be deleted."""
        folder = self._existing()
        if folder is None:
            return False
        try:
            os.unlink(f"{folder}/{name}")
        except FileNotFoundError:
            return False
        return True

    def names(self) -> list[str]:
        """Return the names of all files, sorted; raises OSError as ``read`` does."""
        folder = self._existing()
        if folder is None:
            return []
        return sorted(os.listdir(folder))

    def ages(self) -> list[tuple[str, float]]:
        """Return name and time of the last write (epoch seconds) of all files; raises OSError."""
        folder = self._existing()
        entries = os.scandir(folder) if folder is not None else ()
        return [(entry.name, entry.stat(follow_symlinks=False).st_mtime) for entry in entries]

    def remove_if_empty(self) -> None:
        """Remove the folder itself once nothing is in it."""
        folder = self._existing()
        if folder is not None:
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def _existing(self) -> str | None:
        """Return the folder in use, or None if it has to be made first."""
        place = os.fspath(self.path)
        if not os.path.isdir(place):
            return None
        if _is_private(os.stat(place)):
            return place
        inner = f"{place}/{_SUBFOLDER}"
        try:
            status = os.lstat(inner)
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(status.st_mode) or not _is_private(status):
            raise NotPrivate(f"{inner} is open to other users")
        return inner

    def _made(self) -> str:
        # Another process may have made it since it was found missing; then it is as good as ours.
        place = os.fspath(self.path)
        shared = os.path.isdir(place) and not _is_private(os.stat(place))
        folder = f"{place}/{_SUBFOLDER}" if shared else place
        _make(folder, 0o700)
        if not _is_private(os.lstat(folder)):
            raise NotPrivate(f"{folder} is open to other users")
        return folder


def _make(folder: str, mode: int) -> None:
    """Make a folder; those above it get the rights that kubectl gives ``~/.kube``."""
    if not os.path.isdir(folder):
        _make(os.path.dirname(os.path.abspath(folder)), 0o750)
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.mkdir(folder, mode)


def _is_private(status: os.stat_result) -> bool:
    """Return whether a file or folder belongs to this user and to nobody else."""
    if not _HAS_MODES:
        return True
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
