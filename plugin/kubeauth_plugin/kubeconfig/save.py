"""Replacing kubeconfig files: whole or not at all, as they were in all but their text."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeconfigError
from kubeauth.files import undisturbed
from kubeauth.kubeconfig.files import Kubeconfig

__all__ = ["save"]

_WRITE_BITS: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class _Change:
    """One file to replace: ``target`` is what a symbolic link leads to."""

    file: Kubeconfig
    target: Path
    data: bytes
    status: os.stat_result


def save(contents: Mapping[Path, tuple[Kubeconfig, bytes]]) -> None:
    """Write new contents; must be called with the files locked.

    All files are checked and all new contents are on the disk before the first one is replaced.
    Mode, owner and symbolic links stay; a file with several names (hard links) is written in place,
    since replacing it would part them. Raises KubeconfigError, with no file changed, for one that
    is read-only or has been changed meanwhile.
    """
    changes = [_checked(file, data) for file, data in contents.values()]
    with contextlib.ExitStack() as cleanup:
        ready = [(change, cleanup.enter_context(_prepared(change))) for change in changes]
        for change, temporary in ready:
            try:
                _replace(change, temporary)
            except OSError as error:
                raise _failed(change, error) from error


def _way_to_write(place: Path) -> str:
    """Return what a person may do about a read-only file or folder."""
    if os.name == "posix" and os.geteuid() not in (0, place.stat().st_uid):
        return "run it as the user who owns it"
    return f"make it writable (`chmod u+w {shlex.quote(str(place))}`)"


def _checked(file: Kubeconfig, data: bytes) -> _Change:
    target = Path(os.path.realpath(file.path))
    for place, what in ((target, "file"), (target.parent, "folder")):
        if not os.access(place, os.W_OK) or not place.stat().st_mode & _WRITE_BITS:
            raise KubeconfigError(
                f"{file.path}: the {what} {place} is read-only; no file was changed",
                hint=f"{_way_to_write(place)}, or name another with --kubeconfig",
            )
    if undisturbed(target.read_bytes) != file.data:
        raise KubeconfigError(
            f"{file.path}: another program has just changed it; no file was changed",
            hint="run the command again",
        )
    return _Change(file, target, data, target.stat())


@contextlib.contextmanager
def _prepared(change: _Change) -> Iterator[Path | None]:
    """Yield a complete file to replace the old one with, None to write in place."""
    if change.status.st_nlink > 1:
        yield None
        return
    folder, name = change.target.parent, f".{change.target.name}."
    try:
        number, path = tempfile.mkstemp(prefix=name, suffix=".kubeauth", dir=folder)
    except OSError as error:
        raise _failed(change, error) from error
    temporary = Path(path)
    try:
        try:
            # Closing the stream writes what is left, so a full disk can make that fail, too.
            with os.fdopen(number, "wb") as stream:
                stream.write(change.data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _failed(change, error) from error
        yield temporary if _looks_like(temporary, change.status) else None
    finally:
        with contextlib.suppress(FileNotFoundError):
            undisturbed(temporary.unlink)


def _looks_like(temporary: Path, status: os.stat_result) -> bool:
    """Return the new file the old one's owner and mode; False where that is not allowed."""
    own = temporary.stat()
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.chown(temporary, status.st_uid, status.st_gid)
        except OSError:
            return False
    temporary.chmod(stat.S_IMODE(status.st_mode))
    return True


def _replace(change: _Change, temporary: Path | None) -> None:
    if temporary is not None:
        undisturbed(lambda: os.replace(temporary, change.target))
        _sync_folder(change.target.parent)
        return
    with undisturbed(lambda: change.target.open("r+b")) as stream:
        stream.write(change.data)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError, AttributeError):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _failed(change: _Change, error: OSError) -> KubeconfigError:
    return KubeconfigError(
        f"{change.file.path}: cannot be written ({error.strerror or type(error).__name__})",
        hint=f"check the space and the permissions of {change.target.parent}",
    )
