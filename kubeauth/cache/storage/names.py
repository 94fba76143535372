"""The names of the cache's files: a digest, and an ending for the kind of file.

The plugin's fast path spells RECORD and LAST_CALLER itself, to save an import; a test compares.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


__all__ = [
    "CONVERSION",
    "DIGEST_LENGTH",
    "ENCRYPTED_SESSION",
    "FAILURE",
    "LAST_CALLER",
    "LEADER",
    "LOCK",
    "PLAIN_SESSION",
    "RECORD",
    "SHOWN",
    "TEMPORARY",
    "TOKEN",
    "is_cache_file",
]

DIGEST_LENGTH: Final = 32
TOKEN: Final = ".token.json"  # noqa: S105
PLAIN_SESSION: Final = ".session.json"
ENCRYPTED_SESSION: Final = ".session.sealed"
FAILURE: Final = ".failed.json"
LOCK: Final = ".lock"
# The plugin's record, and the last caller that got it.
RECORD: Final = ".hot"
LAST_CALLER: Final = ".asked"
# The failure that the last caller has shown.
SHOWN: Final = ".shown"
# The lock for calls with the same command line.
LEADER: Final = ".leader"
# What a conversion of kubeconfigs changed; its time and a digest of the files.
CONVERSION: Final = ".undo"
_ENDINGS: Final = frozenset(
    {
        *(TOKEN, PLAIN_SESSION, ENCRYPTED_SESSION, FAILURE, LOCK),
        *(RECORD, LAST_CALLER, SHOWN, LEADER, CONVERSION),
    }
)
# A process that is killed while it writes leaves a file whose name begins with this.
TEMPORARY: Final = ".kubeauth-"


def is_cache_file(name: str) -> bool:
    """Return whether ``name`` is a cache file's, or that of an unfinished write."""
    digest, dot, ending = name.partition(".")
    known = len(digest) == DIGEST_LENGTH and dot + ending in _ENDINGS
    return known or name.startswith(TEMPORARY)
