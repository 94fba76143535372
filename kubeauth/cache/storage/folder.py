"""A folder that only its owner can read, with files that are either complete or absent."""

from __future__ import annotations

import _thread
import contextlib
import os
import stat
import time

from kubeauth.cache.storage.names import TEMPORARY
from kubeauth.files import undisturbed
from kubeauth.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["NotPrivate", "PrivateFolder", "foreign_part"]

# Larger files are not cache files.
_LARGEST: Final = 1 << 20
_SUBFOLDER: Final = "kubeauth"
# On Windows mode bits mean nothing: the access list of the folder protects its files.
_EXACT: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_HAS_MODES: Final = os.name == "posix"


class NotPrivate(OSError):
    """A folder or file that another user could read or change, so the cache does not use it."""


class PrivateFolder(Record):
    """Files of bytes by name, in ``path``.

    If ``path`` exists and other users can open it (a shared --cache-dir, /tmp), the files go into a
    private subfolder: kubeauth does not change the permissions of a folder that it did not create.
    """

    path: str

    def read(self, name: str, largest: int = _LARGEST) -> bytes | None:
        """Return a file's bytes, at most ``largest``, or None if there is none.

        Raises OSError if it cannot be read, NotPrivate if another user could have written it.
        """
        folder = self._existing()
        if folder is None:
            return None
        # NOTE: do not follow a symbolic link, and do not block on a pipe of this name.
        flags = os.O_RDONLY | _EXACT | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = undisturbed(lambda: os.open(f"{folder}/{name}", flags))
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not _is_private(status):
                raise NotPrivate(f"{folder}/{name} is not a private file")
            return file.read(largest)

    def write(self, name: str, content: bytes) -> None:
        """Replace a file atomically: a reader sees the old bytes or the new, even after a crash.

        Raises OSError if writing fails, NotPrivate if other users can open the folder.
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
            undisturbed(lambda: os.replace(temporary, f"{folder}/{name}"))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def ready(self) -> str:
        """Return the folder in use, created if it is missing; raises OSError as ``write`` does."""
        return self._existing() or self._made()

    def delete(self, name: str) -> bool:
        """Delete a file and return whether it existed; raises OSError if deleting fails."""
        folder = self._existing()
        if folder is None:
            return False
        try:
            undisturbed(lambda: os.unlink(f"{folder}/{name}"))
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
        """Return each file's name and its last write (epoch seconds); raises OSError."""
        folder = self._existing()
        entries = os.scandir(folder) if folder is not None else ()
        return [(entry.name, entry.stat(follow_symlinks=False).st_mtime) for entry in entries]

    def remove_if_empty(self) -> None:
        """Remove the folder itself if it is empty."""
        folder = self._existing()
        if folder is not None:
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def _existing(self) -> str | None:
        """Return the folder in use, or None if it does not exist yet."""
        place = os.fspath(self.path)
        if not os.path.isdir(place):
            return None
        if _is_private_folder(place, os.stat(place)):
            return place
        inner = f"{place}/{_SUBFOLDER}"
        try:
            status = os.lstat(inner)
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(status.st_mode) or not _is_private_folder(inner, status):
            raise NotPrivate(f"{inner} is open to other users")
        return inner

    def _made(self) -> str:
        # Another process may have created the folder meanwhile; both processes then use it.
        place = os.fspath(self.path)
        shared = os.path.isdir(place) and not _is_private_folder(place, os.stat(place))
        folder = f"{place}/{_SUBFOLDER}" if shared else place
        _make(folder, 0o700)
        if not _is_private_folder(folder, os.lstat(folder)):
            raise NotPrivate(f"{folder} is open to other users")
        return folder


def foreign_part(path: str) -> tuple[str, int] | None:
    """Return the part of a path that belongs to somebody else and keeps this user out, and whose.

    That is what `sudo` leaves behind if it keeps the user's HOME. Return None if nothing is in the
    way; the owner is a number of the system.
    """
    if not _HAS_MODES:
        return None
    place = os.path.abspath(path)
    while True:
        try:
            status = os.stat(place)
            break
        except OSError:
            if place == os.path.dirname(place):
                return None
            place = os.path.dirname(place)
    own = status.st_uid == os.geteuid()
    effective = os.access in os.supports_effective_ids
    if own or os.access(place, os.W_OK | os.X_OK, effective_ids=effective):
        return None
    return place, status.st_uid


def _make(folder: str, mode: int) -> None:
    """Make a folder; those above it get the rights that kubectl gives ``~/.kube``."""
    if not os.path.isdir(folder):
        _make(os.path.dirname(os.path.abspath(folder)), 0o750)
        with contextlib.suppress(FileExistsError):  # another process was faster
            if _HAS_MODES or mode != 0o700:
                os.mkdir(folder, mode)
            else:
                from kubeauth.cache.storage.windows_access import make_private_folder

                make_private_folder(folder)


def _is_private_folder(folder: str, status: os.stat_result) -> bool:
    """Return whether only this user has access to a folder; on Windows, by its access list."""
    if _HAS_MODES:
        return _is_private(status)
    from kubeauth.cache.storage.windows_access import is_private_folder

    return is_private_folder(folder)


def _is_private(status: os.stat_result) -> bool:
    """Return whether this user owns a file or folder, and other users have no access."""
    if not _HAS_MODES:
        return True
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
