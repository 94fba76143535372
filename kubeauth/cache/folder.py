"""A folder that only its owner can read, and files in it that are whole or absent."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from pathlib import Path

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

    path: Path

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
            descriptor = os.open(folder / name, flags)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not _is_private(status):
                raise NotPrivate(f"{folder / name} is not a private file")
            return file.read(_LARGEST + 1)[:_LARGEST]

    def write(self, name: str, content: bytes) -> None:
        """Replace a file at once: a reader sees the old bytes or the new, also after a crash.

        Raises OSError if that cannot be done, NotPrivate if the folder is open to others.
        """
        folder = self.ready()
        temporary = folder / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}-{time.time_ns()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _EXACT, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def ready(self) -> Path:
        """Return the folder in use, made if need be; raises OSError as ``write`` does."""
        return self._existing() or self._made()

    def delete(self, name: str) -> bool:
        """Delete a file; says whether there was one. Raises OSError if it cannot be deleted."""
        folder = self._existing()
        if folder is None:
            return False
        try:
            (folder / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def names(self) -> list[str]:
        """Return the names of all files, sorted; raises OSError as ``read`` does."""
        folder = self._existing()
        if folder is None:
            return []
        return sorted(entry.name for entry in folder.iterdir())

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
                folder.rmdir()

    def _existing(self) -> Path | None:
        """Return the folder in use, or None if it has to be made first."""
        if not self.path.is_dir():
            return None
        if _is_private(self.path.stat()):
            return self.path
        inner = self.path / _SUBFOLDER
        try:
            status = inner.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(status.st_mode) or not _is_private(status):
            raise NotPrivate(f"{inner} is open to other users")
        return inner

    def _made(self) -> Path:
        # Another process may have made it since it was found missing; then it is as good as ours.
        shared = self.path.is_dir() and not _is_private(self.path.stat())
        folder = self.path / _SUBFOLDER if shared else self.path
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another process was faster
            folder.mkdir(mode=0o700)
        if not _is_private(folder.lstat()):
            raise NotPrivate(f"{folder} is open to other users")
        return folder


def _is_private(status: os.stat_result) -> bool:
    """Return whether a file or folder belongs to this user and to nobody else."""
    if not _HAS_MODES:
        return True
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
