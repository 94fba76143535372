"""Put back what a conversion changed: user by user, or a whole file from its backup."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kubeauth.errors import KubeconfigError
from kubeauth.files import undisturbed
from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth.kubeconfig.merge import User, merge
from kubeauth_plugin.convert.plan import Selection, select
from kubeauth_plugin.convert.undo.backup import backup_of, is_own, other_backups, read_backup
from kubeauth_plugin.convert.undo.history import Conversion, History
from kubeauth_plugin.convert.undo.user_change import UserChange
from kubeauth_plugin.kubeconfig.edit import Edit, apply
from kubeauth_plugin.kubeconfig.file import load_to_edit
from kubeauth_plugin.kubeconfig.lock import locked
from kubeauth_plugin.kubeconfig.save import save

__all__ = ["Undo", "UserUndo", "undo"]

_EDITED = "it was changed since its conversion"
_UNDONE = "it is as it was before its conversion"


@dataclass(frozen=True, slots=True)
class UserUndo:
    """One user: ``reason`` says why it is not put back, else it is empty."""

    name: str
    reason: str = ""


@dataclass(slots=True)
class Undo:
    """What undoing does to one file: ``reason`` says why it is not touched, else it is empty.

    ``users`` are empty if the whole file is put back from its backup. ``data`` is the file as it
    will be.
    """

    path: Path
    reason: str = ""
    users: list[UserUndo] = field(default_factory=list)
    file: Kubeconfig | None = field(default=None, repr=False)
    data: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """The text as it will be."""
        if self.file is None:
            return ""
        return self.data[len(self.file.mark) :].decode(self.file.encoding)


def undo(
    paths: Sequence[Path], selection: Selection, environ: Mapping[str, str], *, write: bool
) -> list[Undo]:
    """Put users back as they were before their last conversion, byte for byte.

    Without a selection, all users that the last conversion of each file changed, or the whole file
    if it has a backup. Without ``write``, nothing is locked, written or deleted. Raises
    KubeconfigError if nothing can be put back, SettingsError for a selection that fits nothing.
    """
    with locked(paths) if write else contextlib.nullcontext():
        history = History.of(environ)
        try:
            conversions = list(history.conversions())
        except OSError:  # the folder is not private any more
            conversions = []
        outcome = [Undo(path, file=load_to_edit(path)) for path in paths]
        chosen = _chosen(outcome, selection)
        for one in outcome:
            wanted = chosen.get(one.path, set()) if selection != Selection() else None
            one.reason = _decide(one, conversions, wanted)
        changes = {one.path: (one.file, one.data) for one in outcome if one.file and not one.reason}
        if not changes:
            raise _nothing(outcome)
        if write:
            save(changes)
            for one in outcome:
                if one.file and not one.reason:
                    _clear_away(one, one.file, history, conversions)
        return outcome


def _chosen(outcome: Sequence[Undo], selection: Selection) -> dict[Path, set[str]]:
    """Return the selected users, by the file that has them."""
    merged = merge([one.file for one in outcome if one.file])
    users = select(list(merged.users.values()), list(merged.contexts.values()), selection)
    chosen: dict[Path, set[str]] = {}
    for user in users:
        chosen.setdefault(user.file.path, set()).add(user.name)
    return chosen


def _decide(one: Undo, conversions: Sequence[Conversion], wanted: set[str] | None) -> str:
    """Fill in the new text of a file, or return the reason to leave it alone."""
    if one.file is None:
        return "it does not exist"
    if not is_own(one.path.stat()):
        return "it belongs to another user"
    if wanted is None:
        try:
            one.data = read_backup(backup_of(one.path, one.file.data)) or b""
        except OSError as error:
            return f"its backup was not read ({error.strerror or error})"
        if one.data:
            return ""
    elif not wanted:
        return "it has none of the selected users"
    found = _changes(one.file, one.path, conversions, wanted)
    if not found:
        backups = ", ".join(map(str, other_backups(one.path)))
        return f"{_EDITED}; see {backups}" if backups else "no conversion on record has changed it"
    one.users = [UserUndo(each.change.name, each.reason) for each in found]
    edits = [each.edit for each in found if each.edit is not None]
    one.data = one.file.encoded(apply(one.file.text, edits))
    return "" if edits else "; ".join(f"user {u.name!r}: {u.reason}" for u in one.users)


@dataclass(frozen=True, slots=True)
class _Found:
    """A change to undo: the edit that does it, or the reason why that is impossible."""

    change: UserChange
    conversion: Conversion
    edit: Edit | None = field(repr=False)
    reason: str


def _changes(
    file: Kubeconfig, path: Path, conversions: Sequence[Conversion], wanted: set[str] | None
) -> list[_Found]:
    """Return each user to put back, also those with which that is impossible.

    Of several conversions of a user, the last one counts whose result is still there.
    """
    users = merge([file]).users
    found: dict[str, _Found] = {}
    for conversion in conversions:
        changes = conversion.users(path)
        for change in changes:
            known = found.get(change.name)
            if (wanted is not None and change.name not in wanted) or (known and known.edit):
                continue
            each = _find(file, users.get(change.name), change, conversion)
            if known is None or each.edit:
                found[change.name] = each
        if wanted is None and any(each.edit for each in found.values()):
            last = {change.name for change in changes}
            return [each for name, each in found.items() if name in last]
    return list(found.values())


def _find(
    file: Kubeconfig, user: User | None, change: UserChange, conversion: Conversion
) -> _Found:
    if user is None:
        return _Found(change, conversion, None, "the file does not have it any more")
    edit = change.undone(file.text, user.node.value())
    why = _UNDONE if change.is_undone(file.text, user.node.value()) else _EDITED
    return _Found(change, conversion, edit, "" if edit else why)


def _clear_away(
    one: Undo, file: Kubeconfig, history: History, conversions: Sequence[Conversion]
) -> None:
    """Delete the backup and the records that have served."""
    wanted = {user.name for user in one.users if not user.reason} or None
    served = _changes(file, one.path, conversions, wanted)
    with contextlib.suppress(OSError):
        if wanted is None:
            undisturbed(backup_of(one.path, file.data).unlink)
        for conversion in conversions:
            names = {e.change.name for e in served if e.conversion is conversion and e.edit}
            if names:
                history.forget(conversion, one.path, frozenset(names))


def _nothing(outcome: Sequence[Undo]) -> KubeconfigError:
    reasons = "; ".join(f"{one.path}: {one.reason}" for one in outcome)
    hint = (
        "conversions by another user, on another machine, or before a file's last ten are not known"
    )
    if any(other_backups(one.path) for one in outcome):
        hint = "compare the file with its backup, and copy what you need"
    elif any(_EDITED in one.reason for one in outcome):
        hint = "nobody's later edit is overwritten: change the user by hand, or convert it again"
    elif any(_UNDONE in one.reason for one in outcome):
        hint = "there is nothing to put back; --context, --user and --kubeconfig choose others"
    return KubeconfigError(f"nothing to undo: {reasons}", hint=hint)
