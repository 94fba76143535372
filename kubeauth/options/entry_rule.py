"""Rules for a kubeconfig's entry: which settings a login's entry has, and where they come from."""

from __future__ import annotations

from kubeauth.record import Record

__all__ = ["EntryRule"]


class EntryRule(Record):
    """Rules that turn an entry for any login into an entry for this login.

    All names are fields of Settings. The first three columns follow Azure/kubelogin's
    convert-kubeconfig, because its users rely on them:

    - ``need``: the typed value, else the old entry's, else an error;
    - ``keep``: the typed value, else the old entry's, else absent;
    - ``given``: the typed value, else absent. An entry for the same login keeps these, too.

    ``instead``: groups of settings that exclude each other; a typed group drops the old entry's
    other groups. ``first_counts``: of several typed groups, the first drops the others.
    ``own_tenant``: the login knows its tenant, so the old entry's tenant does not count.
    ``not_from_kubelogin``: settings to ignore in an entry of kubelogin, even for this login.
    ``config_folder``: the variable that names the configuration folder of the tool that signs in.
    """

    need: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    instead: tuple[tuple[str, ...], ...] = ()
    first_counts: bool = False
    own_tenant: bool = False
    not_from_kubelogin: tuple[str, ...] = ()
    config_folder: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """The settings that this login uses, without the general ones."""
        return self.need + self.keep + self.given
