"""Backups of kubeconfigs, and how to restore them.

A backup's name ends in a digest of the text that replaced it. So there may be many, each restores
exactly one state, and a file that was changed since is never overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth.kubeconfig.merge import merge
from kubeauth_plugin.convert.plan import Selection, select
from kubeauth_plugin.kubeconfig.file import load_to_edit
from kubeauth_plugin.kubeconfig.lock import locked
from kubeauth_plugin.kubeconfig.save import save

__all__ = ["Undo", "back_up", "undo"]

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


@dataclass(slots=True)
class Undo:
    """What undoing does to one file: ``reason`` says why it is not touched, else it is empty.

    ``earlier`` is the file as it was before its last conversion.
    """

    path: Path
    reason: str = ""
    file: Kubeconfig | None = field(default=None, repr=False)
    earlier: Kubeconfig | None = field(default=None, repr=False)


def undo(paths: Sequence[Path], selection: Selection, *, write: bool) -> list[Undo]:
    """Put files back as they were before their last conversion, byte for byte.

    With a selection, only the files of the selected users, and none whose other users would change,
    too. Without ``write``, nothing is locked, written or deleted. Raises KubeconfigError if no file
    can be put back.
    """
    with locked(paths) if write else contextlib.nullcontext():
        outcome = [_outcome(path) for path in paths]
        if selection != Selection():
            _keep_to(selection, outcome)
        changes = {
            one.path: (one.file, one.earlier.data)
            for one in outcome
            if one.file and one.earlier and not one.reason
        }
        if not changes:
            raise _nothing(outcome)
        if write:
            save(changes)
            for file, _ in changes.values():
                _backup_of(file.path, file.data).unlink()
        return outcome


def _outcome(path: Path) -> Undo:
    file = load_to_edit(path)
    if file is None:
        return Undo(path, "it does not exist")
    backup = _backup_of(path, file.data)
    earlier = load_to_edit(backup)
    if earlier is not None:
        return Undo(path, "", file, earlier)
    others = [str(other) for other in sorted(path.parent.glob(f"{path.name}{_INFIX}*"))]
    if others:
        return Undo(path, f"it was changed since its conversion; see {', '.join(others)}", file)
    return Undo(path, "no conversion with --backup has changed it", file)


def _keep_to(selection: Selection, outcome: Sequence[Undo]) -> None:
    """Give a reason to the files that have none of the selected users, or change others, too."""
    merged = merge([one.file for one in outcome if one.file])
    chosen = select(list(merged.users.values()), list(merged.contexts.values()), selection)
    for one in outcome:
        if one.file is None or one.earlier is None:
            continue
        wanted = {user.name for user in chosen if user.file is one.file}
        others = sorted(_changed_users(one.file, one.earlier) - wanted)
        if not wanted:
            one.reason = "it has none of the selected users"
        elif others:
            one.reason = f"that would also change {', '.join(map(repr, others))}"


def _changed_users(file: Kubeconfig, earlier: Kubeconfig) -> set[str]:
    """Return the users whose text differs in two versions of a file."""
    now, then = _users(file), _users(earlier)
    return {name for name in {**now, **then} if now.get(name) != then.get(name)}


def _users(file: Kubeconfig) -> dict[str, str]:
    users = merge([file]).users.values()
    return {user.name: file.text[user.node.start : user.node.end] for user in users}


def _backup_of(path: Path, data: bytes) -> Path:
    return path.with_name(f"{path.name}{_INFIX}{hashlib.sha256(data).hexdigest()[:12]}")


def _nothing(outcome: Sequence[Undo]) -> KubeconfigError:
    reasons = "; ".join(f"{one.path}: {one.reason}" for one in outcome)
    hint = "only a conversion with --backup can be undone"
    if any(one.earlier for one in outcome):
        hint = "leave out --context, --user and --cluster to put whole files back"
    elif any("changed since" in one.reason for one in outcome):
        hint = "compare the file with its backup, and copy what you need"
    return KubeconfigError(f"nothing to undo: {reasons}", hint=hint)
