"""What a kubeconfig's entry for one login holds, and where each value may come from."""

from __future__ import annotations

from kubeauth.record import Record

__all__ = ["EntryRule"]


class EntryRule(Record):
    """Which settings an entry for a login has when an entry for another login becomes one for it.

    All names are fields of Settings. The first three columns are those of Azure/kubelogin's
    convert-kubeconfig, as its users rely on them:

    - ``need``: typed, else taken over, else an error;
    - ``keep``: typed, else taken over, else absent;
    - ``given``: typed, else absent. An entry for the same login keeps these, too.

    ``instead`` are groups of settings of which one replaces another: typing one drops the other
    groups of the old entry. With ``first_counts``, the first of several typed groups drops the
    others. ``own_tenant`` says that the login knows its tenant itself: an old entry's tenant is
    never taken over. ``not_from_kubelogin`` are settings that an entry of kubelogin may have for no
    reason, even for this login. ``config_folder`` is the variable that names the folder of the tool
    that signs in.
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
        """Every setting that means something to this login, beside the general ones."""
        return self.need + self.keep + self.given
