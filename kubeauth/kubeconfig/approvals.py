"""What the person has approved of their kubeconfigs, by digest, in private files.

An approval covers exactly one demand: one program with its arguments, one authority with the
sources of its secret, one variable with its value. Any change is another demand.

The files lie in ``~/.kube/kubeauth``, outside the cache, which people empty.

NOTE: a kubeconfig must not choose this folder, since it could bring approvals along. On Linux HOME
chooses it, and ``environ`` must be the person's, without the variables of an exec block. On other
systems get-token cannot tell these from the person's, so all commands use the home folder of the
account.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Final

from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.home import account_home
from kubeauth.kubeconfig.trust import Demand
from kubeauth.record import Record

__all__ = ["Approval", "approve", "approved", "unapproved", "withdraw"]

_ENDING: Final = ".approved"


class Approval(Record):
    """One approval: for which context, and when (epoch seconds)."""

    context: str
    given_on: int


def unapproved(asked: Iterable[Demand], environ: Mapping[str, str]) -> list[Demand]:
    """Return the demands that nobody has approved on this machine.

    Without variables, the approvals in the home folder of the account count.
    """
    folder = _folder(environ)
    return [demand for demand in asked if _read(folder, f"{demand.digest}{_ENDING}") is None]


def approve(asked: Iterable[Demand], context: str, environ: Mapping[str, str], now: float) -> None:
    """Approve demands of a context. Raises SettingsError if that cannot be written down."""
    folder = _folder(environ)
    if folder is None:
        raise SettingsError("trust: there is no home folder", hint="set HOME to your home folder")
    content = packed({"context": context, "given_on": int(now)})
    try:
        for demand in asked:
            folder.write(f"{demand.digest}{_ENDING}", content)
    except OSError as error:
        raise _unusable(folder, error) from error


def withdraw(asked: Iterable[Demand], environ: Mapping[str, str]) -> int:
    """Take approvals back, and return how many there were. Raises SettingsError."""
    folder = _folder(environ)
    try:
        return sum(folder.delete(f"{d.digest}{_ENDING}") for d in asked) if folder else 0
    except OSError as error:
        raise _unusable(folder, error) from error


def approved(environ: Mapping[str, str]) -> list[Approval]:
    """Return all approvals, the oldest first. Raises SettingsError."""
    folder = _folder(environ)
    try:
        names = folder.names() if folder else []
    except OSError as error:
        raise _unusable(folder, error) from error
    found = [_read(folder, name) for name in names if name.endswith(_ENDING)]
    return sorted(filter(None, found), key=lambda one: (one.given_on, one.context))


def _folder(environ: Mapping[str, str]) -> PrivateFolder | None:
    named = environ.get("HOME", "") if sys.platform == "linux" else ""
    home = named or account_home()
    return PrivateFolder(os.path.join(home, ".kube", "kubeauth")) if home else None


def _read(folder: PrivateFolder | None, name: str) -> Approval | None:
    """Return an approval, None for one that is absent, damaged, or open to other users."""
    if folder is None:
        return None
    try:
        content = unpacked(folder.read(name))
        return Approval(str(content["context"]), int(content["given_on"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _unusable(folder: PrivateFolder | None, error: OSError) -> SettingsError:
    place = folder.path if folder else ""
    return SettingsError(
        f"trust: {place} cannot be used ({error.strerror or error})",
        hint=f"make {place} a folder of your own: `ls -ld {place}` shows whose it is",
    )
