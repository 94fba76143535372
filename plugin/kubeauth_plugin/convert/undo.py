"""Backups of kubeconfigs, and how to restore them.

A backup's name ends in a digest of the text that replaced it. So there may be many, each restores
exactly one state, and a file that was changed since is never overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth_plugin.kubeconfig.file import load_to_edit
from kubeauth_plugin.kubeconfig.lock import locked
from kubeauth_plugin.kubeconfig.save import save

__all__ = ["back_up", "undo"]

_INFIX: Final = ".kubeauth-backup."


def back_up(contents: Iterable[tuple[Kubeconfig, bytes]]) -> None:
    """Keep each file as it is, beside it and readable by its owner only, before it is replaced."""
    for file, data in contents:
        path = _backup_of(file.path, data)
        try:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
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


def undo(paths: Sequence[Path]) -> list[Path]:
    """Put every file back as it was before its last conversion, byte for byte; returns those files.

    Raises KubeconfigError if no file has a backup that its present text was made from.
    """
    with locked(paths):
        earlier: dict[Path, tuple[Kubeconfig, bytes]] = {}
        for path in paths:
            file = load_to_edit(path)
            if file is not None and (backup := _backup_of(path, file.data)).exists():
                earlier[path] = (file, backup.read_bytes())
        if not earlier:
            raise _nothing(paths)
        save(earlier)
        for file, _ in earlier.values():
            _backup_of(file.path, file.data).unlink()
        return list(earlier)


def _backup_of(path: Path, data: bytes) -> Path:
    return path.with_name(f"{path.name}{_INFIX}{hashlib.sha256(data).hexdigest()[:12]}")


def _nothing(paths: Sequence[Path]) -> KubeconfigError:
    others = [str(b) for p in paths for b in sorted(p.parent.glob(f"{p.name}{_INFIX}*"))]
    hint = "only a conversion with --backup can be undone"
    if others:
        hint = f"the file was changed since; look at {', '.join(others)} and copy what you need"
    return KubeconfigError(f"nothing to undo in {', '.join(map(str, paths))}", hint=hint)
