"""Backups of whole kubeconfigs, beside them.

A backup's name ends in a digest of the text that replaced it. So there may be many, each restores
exactly one state, and a file that was changed since is never overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeconfigError
from kubeauth.files import undisturbed
from kubeauth.kubeconfig.files import Kubeconfig

__all__ = ["back_up", "backup_of", "is_own", "other_backups", "read_backup"]

_INFIX: Final = ".kubeauth-backup."


def back_up(contents: Iterable[tuple[Kubeconfig, bytes]]) -> None:
    """Keep each file as it is, beside it and readable by its owner only, before it is replaced."""
    for file, data in contents:
        path = backup_of(file.path, data)
        try:
            with contextlib.suppress(FileNotFoundError):
                undisturbed(path.unlink)
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "wb") as stream:
                stream.write(file.data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise KubeconfigError(
                f"{path}: the backup cannot be written ({error.strerror})",
                hint="leave out --backup, or make room there; no kubeconfig was changed",
            ) from error


def read_backup(path: Path) -> bytes | None:
    """Return a backup's bytes, None if there is none.

    Raises OSError for what this user did not write. NOTE: in a folder that others can write to, a
    link of this name could lead to any file that we may read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        number = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    with open(number, "rb") as stream:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or not is_own(status):
            raise PermissionError("not a file of this user")
        return stream.read()


def is_own(status: os.stat_result) -> bool:
    """Return whether a file belongs to this user; Windows has no numbers for that."""
    return os.name != "posix" or status.st_uid == os.geteuid()


def backup_of(path: Path, data: bytes) -> Path:
    """Return the name of the backup that is beside a file with these bytes."""
    return path.with_name(f"{path.name}{_INFIX}{hashlib.sha256(data).hexdigest()[:12]}")


def other_backups(path: Path) -> list[Path]:
    """Return all backups of a file."""
    return sorted(other for other in path.parent.glob(f"{path.name}{_INFIX}*"))
