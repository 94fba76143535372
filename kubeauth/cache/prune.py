"""Delete old files from the cache, which would grow without end otherwise."""

from __future__ import annotations

import contextlib

from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.names import FAILURE, LAST_CALLER, LEADER, RECORD, SHOWN, is_cache_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["prune"]

_DAY: Final = 86_400.0
# Records expire with their token, after an hour or so. Refresh tokens expire after 90 days unused;
# keep token files as long, because logout finds a session through its token.
_RECORD_DAYS: Final = 2.0
_OTHER_DAYS: Final = 100.0
# Longer than a call without a person takes; seconds.
_A_CALL: Final = 120.0
_RECORDS: Final = (RECORD, LAST_CALLER, FAILURE, SHOWN, LEADER)


def prune(folder: PrivateFolder, now: float) -> None:
    """Delete the files that were last written long before ``now`` (epoch seconds).

    Do nothing if no file was written in the last 100 days, apart from those of this call: the clock
    may have jumped, and then every file looks old.
    """
    with contextlib.suppress(OSError):
        ages = [(name, now - written_on) for name, written_on in folder.ages()]
        if not any(_A_CALL < age < _OTHER_DAYS * _DAY for _, age in ages):
            return
        for name, age in ages:
            days = _RECORD_DAYS if name.endswith(_RECORDS) else _OTHER_DAYS
            if is_cache_file(name) and age > days * _DAY:
                folder.delete(name)
