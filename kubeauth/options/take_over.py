"""Choose the settings that a kubeconfig's entry passes on when its login changes."""

from __future__ import annotations

from typing import Final

from kubeauth.options.logins import LOGINS, Login, find_login
from kubeauth.options.settings import FIELD_NAMES, FLAGS

__all__ = ["entry_fields", "taken_over"]

# The order of arguments in an entry: these, the login's own, then the general ones.
_HEAD: Final = ("server_id", "cache_dir", "client_id", "tenant_id", "environment")
_EVERY: Final = ("server_id", "cache_dir")
_OWNED: Final = {"login", *_EVERY, *(name for row in LOGINS.values() for name in row.entry.own)}
# A setting that no login owns applies to all logins.
_GENERAL: Final = (*_EVERY, *(flag.field for flag in FLAGS if flag.field not in _OWNED))
# The directory of the cluster's users, which does not depend on the login.
_DIRECTORY: Final = frozenset({"tenant_id", "environment", "legacy"})


def entry_fields(login: Login) -> tuple[str, ...]:
    """Return the settings that an entry for a login may have, in the order of its arguments."""
    known = {*_GENERAL, *login.entry.own}
    order = dict.fromkeys((*_HEAD, *login.entry.own, *_GENERAL))
    return tuple(name for name in order if name in known)


def taken_over(old: str, new: str, *, written: bool) -> frozenset[str]:
    """Return the settings that an entry for the login ``old`` passes on to one for ``new``.

    With ``written``, follow Azure/kubelogin's rules for an entry in a file. Otherwise the entry is
    for one sign-in, and variables still override it: pass on the directory, unless the new login
    knows its own tenant, and pass on the application only between two logins of a person, because a
    program signs in as itself.

    Raises SettingsError if ``new`` is unknown.
    """
    login = find_login(new)
    if old == new:
        return frozenset(FIELD_NAMES)
    if written:
        return frozenset((*_GENERAL, *login.entry.need, *login.entry.keep))
    if login.human and old in LOGINS and LOGINS[old].human:
        return frozenset(FIELD_NAMES)
    directory = _DIRECTORY - ({"tenant_id"} if login.entry.own_tenant else set())
    return directory.union(_GENERAL)
