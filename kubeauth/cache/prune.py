"""Delete old files from the cache, which would grow without end otherwise."""

from __future__ import annotations

import contextlib

from kubeauth.cache.folder import PrivateFolder
from kubeauth.cache.names import FAILURE, LAST_CALLER, LEADER, RECORD, SHOWN, is_cache_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["prune"]

_DAY: Final = 86_400.0
# Records expire with their token, after an hour or so. Refresh tokens expire after 90 days unused;
# keep token files as long, because logout finds a session through its token.
_RECORD_DAYS: Final = 2.0
_OTHER_DAYS: Final = 100.0
_RECORDS: Final = (RECORD, LAST_CALLER, FAILURE, SHOWN, LEADER)


def prune(folder: PrivateFolder) -> None:
    """Delete the files whose last write is long before that of the newest file."""
    with contextlib.suppress(OSError):
        ages = folder.ages()
        now = max((written_on for _, written_on in ages), default=0.0)
        for name, written_on in ages:
            days = _RECORD_DAYS if name.endswith(_RECORDS) else _OTHER_DAYS
            if is_cache_file(name) and now - written_on > days * _DAY:
                folder.delete(name)
