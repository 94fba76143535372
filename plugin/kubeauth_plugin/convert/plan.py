"""Select users, decide the outcome for each, and make the new text of each file."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeauthError, KubeconfigError, SettingsError, near_names
from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth.kubeconfig.merge import Context, User, merge
from kubeauth.options.logins import LOGINS
from kubeauth_plugin.convert.request import ConvertRequest, request_warnings
from kubeauth_plugin.convert.rewrite import Update, rewrite
from kubeauth_plugin.convert.source import Skipped, Source, recognise
from kubeauth_plugin.convert.token_file import check_one_user, keeping_command, token_file_of
from kubeauth_plugin.convert.undo.user_change import UserChange
from kubeauth_plugin.convert.user import convert_user
from kubeauth_plugin.diagnostics import NothingToConvert
from kubeauth_plugin.kubeconfig.file import fields_of

__all__ = ["Plan", "Row", "Selection", "plan", "select"]

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Selection:
    """Names and globs (as in a shell). A user must fit all that are given; without any, all fit."""

    contexts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()


@dataclass(slots=True)
class Row:
    """One user and its ``status``: converted, unchanged, skipped, failed or held back."""

    file: Path
    contexts: tuple[str, ...]
    user: str
    status: str
    before: str = ""
    after: str = ""
    reason: str = ""


@dataclass(slots=True)
class Plan:
    """The outcome for every selected user; the texts to save, and how to undo them, by path."""

    rows: list[Row] = field(default_factory=list)
    texts: dict[Path, tuple[Kubeconfig, str]] = field(default_factory=dict, repr=False)
    changes: dict[Path, list[UserChange]] = field(default_factory=dict, repr=False)
    warnings: list[str] = field(default_factory=list)
    failures: list[KubeauthError] = field(default_factory=list)

    def hold_back(self) -> None:
        """Return up every change, since something else failed."""
        self.texts.clear()
        self.changes.clear()
        for row in self.rows:
            if row.status == "converted":
                row.status, row.reason = "held back", "another user failed"

    def nothing(self) -> NothingToConvert:
        """Return the error for a selection in which no user can be converted."""
        reasons = [f"{row.user}: {row.reason}" for row in self.rows[:_SHOWN]]
        more = f"; and {len(self.rows) - _SHOWN} more" if len(self.rows) > _SHOWN else ""
        if not reasons:
            return NothingToConvert(
                "nothing to convert: the kubeconfig has no such users",
                hint="fetch a cluster with `kubeauth get-credentials`, or name a --kubeconfig",
            )
        return NothingToConvert(
            f"nothing to convert: {'; '.join(reasons)}{more}",
            hint="kubeauth takes over from kubelogin and the azure auth-provider only; "
            "--allow-empty accepts this",
        )

    def fail(self, row: Row, error: KubeauthError) -> None:
        """Record that one user could not be converted."""
        text = str(error)
        row.status, row.reason = "failed", text
        named = text if repr(row.user) in text else f"user {row.user!r}: {text}"
        self.failures.append(type(error)(named, hint=error.hint))


def plan(files: Sequence[Kubeconfig], selection: Selection, request: ConvertRequest) -> Plan:
    """Decide everything, in memory; a user that cannot be converted stops no other.

    Raises SettingsError for a selection that fits nothing, KubeconfigError for a file that kubectl
    could not read either, or in which a list stands twice.
    """
    for file in files:
        if file.root is not None:
            fields_of(file.root, file, "the file")
    merged = merge(files)
    users, contexts = list(merged.users.values()), list(merged.contexts.values())
    result = Plan()
    work: dict[Path, list[tuple[Row, Update]]] = {}
    chosen = select(users, contexts, selection)
    check_one_user(request.token_file or "", chosen)
    for user in chosen:
        names = tuple(context.name for context in user.contexts)
        row = Row(user.file.path, names, user.name, "unchanged")
        result.rows.append(row)
        try:
            update = _update(user, request, row, result.warnings)
        except KubeauthError as error:
            result.fail(row, error)
            continue
        if update is not None:
            work.setdefault(user.file.path, []).append((row, update))
    for file in files:
        if file.path in work:
            _rewrite(file, work[file.path], result)
    changed = {row.user for row in result.rows if row.status == "converted"}
    clusters = {context.cluster for context in contexts if context.user in changed}
    if request.typed.get("pop_claims") and len(clusters) > 1:
        result.warnings.append(
            f"--pop-claims was written for {len(clusters)} clusters, but its u= names one: "
            "convert one at a time with --context"
        )
    return result


def _update(user: User, request: ConvertRequest, row: Row, warnings: list[str]) -> Update | None:
    """Return the edit that one user needs, None if it is skipped; note the outcome in its row."""
    source = recognise(user)
    if isinstance(source, Skipped):
        row.status, row.reason = "skipped", source.reason
        return None
    row.before = source.label
    own = request if request.login else _own_request(request, source, user)
    converted = convert_user(source, own)
    row.after = f"{request.target.name} {own.login}"
    if request.token_file is not None:
        path = token_file_of(request.token_file, user)
        said = keeping_command(user, source, converted, path)
        converted = replace(converted, token_file=path, warnings=(*converted.warnings, said))
        row.after = f"token file {path}"
    warnings += [f"user {user.name!r}: {warning}" for warning in converted.warnings]
    if not request.login:
        warnings += [f"user {user.name!r}: {warning}" for warning in request_warnings(own)]
    return Update(user, source, converted)


def _own_request(request: ConvertRequest, source: Source, user: User) -> ConvertRequest:
    """Return the request for a user that keeps its login.

    Raises SettingsError if there is no such login, or if a typed flag is impossible with it.
    """
    login = source.sign_in.login or "devicecode"
    if login not in LOGINS:
        near = next(iter(near_names(login, LOGINS)), "")
        # Without --user the command would give every user that login.
        raise SettingsError(
            f"login: unknown login {login!r}",
            hint=(f"did you mean {near}? " if near else "")
            + f"repeat the command with `--user {shlex.quote(user.name)} -l {near or 'LOGIN'}`"
            + ("" if near else f"; LOGIN is one of {', '.join(LOGINS)}"),
        )
    return request.for_login(login)


def _rewrite(file: Kubeconfig, work: Sequence[tuple[Row, Update]], result: Plan) -> None:
    rows = {id(update): row for row, update in work}

    def failed(update: Update, error: KubeconfigError) -> None:
        result.fail(rows[id(update)], error)

    text, changed = rewrite(file, [update for _, update in work], failed)
    for update, _ in changed:
        rows[id(update)].status = "converted"
    result.changes[file.path] = [change for _, change in changed if change is not None]
    if text != file.text:
        result.texts[file.path] = (file, text)


def select(users: Sequence[User], contexts: Sequence[Context], selection: Selection) -> list[User]:
    """Return the users that were asked for; raises SettingsError for a name that is not there."""
    chosen: Iterable[User] = users
    if selection.contexts:
        fits = _fitting("context", selection.contexts, {c.name for c in contexts})
        wanted = [context for context in contexts if context.name in fits]
        known = {user.name for user in users}
        for context in wanted:
            if context.user not in known:
                raise SettingsError(
                    f"context {context.name!r}: "
                    + (
                        f"no file has its user {context.user!r}"
                        if context.user
                        else "it has no user"
                    ),
                    hint=f"give it one: kubectl config set-context {context.name} --user=NAME",
                )
        names = {context.user for context in wanted}
        chosen = [user for user in chosen if user.name in names]
    if selection.users:
        fits = _fitting("user", selection.users, {user.name for user in users})
        chosen = [user for user in chosen if user.name in fits]
    if selection.clusters:
        fits = _fitting("cluster", selection.clusters, {c.cluster for c in contexts if c.cluster})
        chosen = [user for user in chosen if any(c.cluster in fits for c in user.contexts)]
    return list(chosen)


def _fitting(what: str, patterns: Iterable[str], names: set[str]) -> set[str]:
    """Return the names that are one of the patterns or fit it."""
    fitting: set[str] = set()
    for pattern in patterns:
        found = {pattern} & names or {n for n in names if fnmatch.fnmatchcase(n, pattern)}
        if not found:
            known = sorted(names)
            more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
            raise SettingsError(
                f"--{what} {pattern!r}: no {what} has this name",
                hint=f"the {what}s are: {', '.join(known[:_SHOWN]) + more}"
                if known
                else f"there is no {what} in the kubeconfig; name another with --kubeconfig",
            )
        fitting |= found
    return fitting
