"""Write a cluster's credentials into a kubeconfig, already converted to the login."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth.kubeconfig.parse import parse
from kubeauth_plugin.aks.merge import (
    as_text,
    differing,
    merge,
    read_fetched,
    read_kubeconfig,
    renamed,
)
from kubeauth_plugin.convert.plan import Plan, Selection, plan
from kubeauth_plugin.convert.request import ConvertRequest
from kubeauth_plugin.convert.undo.backup import back_up
from kubeauth_plugin.kubeconfig.file import load_to_edit
from kubeauth_plugin.kubeconfig.lock import locked
from kubeauth_plugin.kubeconfig.save import save

__all__ = ["Credentials", "StaticCredentials", "converted", "read_credentials", "write"]

_COMMENT: Final = re.compile(r"^\s*#|\s#", re.MULTILINE)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_KINDS: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}


class StaticCredentials(Exception):
    """What was fetched holds a certificate or a token: it is a local account's."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A fetched kubeconfig as data, with the names that were asked for."""

    content: Mapping[str, Any] = field(repr=False)

    @property
    def context(self) -> str:
        """The name of its context."""
        return str(self.content["contexts"][0]["name"])

    @property
    def cluster(self) -> str:
        """The name of its cluster."""
        return str(self.content["clusters"][0]["name"])

    @property
    def user(self) -> str:
        """The name of its user."""
        return str(self.content["users"][0]["name"])

    @property
    def server(self) -> str:
        """The API server's address."""
        cluster = self.content["clusters"][0].get("cluster")
        return str(cluster.get("server") or "") if isinstance(cluster, dict) else ""


def read_credentials(text: str, name: str, context: str) -> Credentials:
    """Read what Resource Manager sent for the cluster ``name``; ``context`` is another name for it.

    Raises Unreachable if it is not a kubeconfig.
    """
    fetched = read_fetched(text, name)
    return Credentials(renamed(fetched, context) if context else fetched)


def converted(
    text: str, path: Path, credentials: Credentials, request: ConvertRequest
) -> tuple[str, Plan]:
    """Return a kubeconfig's text with the credentials' user converted to the request's login.

    Raises StaticCredentials if that user cannot be converted, SettingsError and KubeconfigError.
    """
    file = Kubeconfig(path, text.encode(), text, parse(text, str(path)))
    result = plan([file], Selection(contexts=(credentials.context,)), request)
    if result.failures:
        raise result.failures[0]
    if any(row.status == "skipped" for row in result.rows):
        raise StaticCredentials
    return result.texts[path][1] if path in result.texts else text, result


def write(
    path: Path,
    credentials: Credentials,
    request: ConvertRequest,
    *,
    overwrite: bool,
    may_replace: Callable[[str], bool] | None,
    warn: Callable[[str], None],
) -> Plan:
    """Merge the credentials into the file at ``path`` and return what became of their user.

    Entries of the same name with other content are replaced with ``overwrite``, or if
    ``may_replace`` (None: nobody is there to ask) agrees to a question. The file is locked as
    kubectl locks it, and replaced whole or not at all. Raises as ``converted``; then the file is as
    it was.
    """
    final, _ = converted(as_text(credentials.content), path, credentials, request)
    written = read_kubeconfig(final, str(path))
    agreed = set()
    if not overwrite:
        agreed = set(_agreed(path, credentials, written, may_replace))
    with _unwritable(path):
        Path(os.path.realpath(path)).parent.mkdir(parents=True, exist_ok=True)
    with locked([path]), _made(path):
        file = load_to_edit(path)
        if file is None:
            raise KubeconfigError(
                f"{path}: another program has just deleted it", hint="run the command again"
            )
        existing = read_kubeconfig(file.text, str(path))
        fresh = differing(existing, credentials.content, written)
        if not overwrite and not agreed.issuperset(fresh):
            raise _different(path, fresh)
        text, result = converted(
            as_text(merge(existing, credentials.content)), path, credentials, request
        )
        data = text.encode()
        loses_comments = bool(_COMMENT.search(file.text)) and data != file.data
        if loses_comments:
            back_up([(file, data)])
        save({path: (file, data)})
    if loses_comments:
        warn(
            f"{path}: its comments are gone, as after `az aks get-credentials`; a copy with them "
            "lies beside it, and `kubeauth convert-kubeconfig --undo` puts it back"
        )
    _check_mode(path, warn)
    return result


def _agreed(
    path: Path,
    credentials: Credentials,
    written: Mapping[str, Any],
    may_replace: Callable[[str], bool] | None,
) -> Sequence[tuple[str, str]]:
    """Return the differing entries that may be replaced; raises KubeconfigError if any may not.

    Asks before the file is locked: kubectl fails at once while it is.
    """
    file = load_to_edit(path)
    if file is None:
        return ()
    found = differing(read_kubeconfig(file.text, str(path)), credentials.content, written)
    for section, name in found:
        question = f"{path} has another {_KINDS[section]} called {name!r}. Replace it?"
        if may_replace is None or not may_replace(question):
            raise _different(path, found)
    return found


def _different(path: Path, found: Sequence[tuple[str, str]]) -> KubeconfigError:
    names = ", ".join(f"{_KINDS[section]} {name!r}" for section, name in found)
    # --context leaves the user's name as it is.
    renames = all(section != "users" for section, _ in found)
    keep = "--context NAME or -f FILE" if renames else "-f FILE"
    return KubeconfigError(
        f"{path} has other entries with these names: {names}; nothing was written",
        hint=f"give --overwrite-existing to replace them, or {keep} to keep them",
    )


@contextlib.contextmanager
def _made(path: Path) -> Iterator[None]:
    """Make the file exist, empty and private; remove it again if the work in it fails.

    Call it with the file locked, so that no other process can write to it before the removal.
    """
    target = Path(os.path.realpath(path))
    is_new = not target.exists()
    if is_new:
        with _unwritable(path):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                target.unlink()
        raise


@contextlib.contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    """Turn an OSError into the error for a file that cannot be written."""
    try:
        yield
    except OSError as error:
        raise KubeconfigError(
            f"{path}: cannot be written ({error.strerror or type(error).__name__})",
            hint="name another file with -f",
        ) from error


def _check_mode(path: Path, warn: Callable[[str], None]) -> None:
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name != "nt" and mode & _OTHERS:
            warn(f"{path} has mode {mode:o}, so others may read it: chmod 600 {path}")
