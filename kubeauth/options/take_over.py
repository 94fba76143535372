"""What an entry of a kubeconfig for one login gives to an entry for another."""

from __future__ import annotations

from typing import Final

from kubeauth.options.logins import LOGINS, Login, find_login
from kubeauth.options.settings import FIELD_NAMES, FLAGS

__all__ = ["entry_fields", "taken_over"]

# The order of arguments in an entry: these, the login's own, then the general ones.
_HEAD: Final = ("server_id", "cache_dir", "client_id", "tenant_id", "environment")
_EVERY: Final = ("server_id", "cache_dir")
_OWNED: Final = {"login", *_EVERY, *(name for row in LOGINS.values() for name in row.entry.own)}
# A setting that no login has as its own holds for all of them.
_GENERAL: Final = (*_EVERY, *(flag.field for flag in FLAGS if flag.field not in _OWNED))
# Where the cluster's users are, whatever they sign in with.
_DIRECTORY: Final = frozenset({"tenant_id", "environment", "legacy"})


def entry_fields(login: Login) -> tuple[str, ...]:
    """Return the settings that an entry for a login may have, in the order of its arguments."""
    known = {*_GENERAL, *login.entry.own}
    order = dict.fromkeys((*_HEAD, *login.entry.own, *_GENERAL))
    return tuple(name for name in order if name in known)


def taken_over(old: str, new: str, *, written: bool) -> frozenset[str]:
    """Return the settings that an entry for the login ``old`` gives to one for ``new``.

    ``written`` is for an entry that goes into a file, by Azure/kubelogin's rules. Otherwise the
    entry is used at once and the environment's variables still win over it. Then the directory of
    the old entry is taken over wherever the new login does not know its own, and the application
    only from one person's login to another's: a program signs in as itself.

    Raises SettingsError if there is no login ``new``.
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
