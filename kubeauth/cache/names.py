"""The names of the cache's files: a digest, and an ending that says what the file holds.

The plugin's fast path spells RECORD and LAST_CALLER itself, to save an import; a test compares.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


__all__ = [
    "DIGEST_LENGTH",
    "ENCRYPTED_SESSION",
    "FAILURE",
    "LAST_CALLER",
    "LEADER",
    "LOCK",
    "PLAIN_SESSION",
    "RECORD",
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
# The plugin's finished credential, and the process that it was last given to.
RECORD: Final = ".hot"
LAST_CALLER: Final = ".asked"
# The lock of the calls with one command line.
LEADER: Final = ".leader"
_ENDINGS: Final = frozenset(
    {TOKEN, PLAIN_SESSION, ENCRYPTED_SESSION, FAILURE, LOCK, RECORD, LAST_CALLER, LEADER}
)
# A write that was killed leaves a file whose name begins with this.
TEMPORARY: Final = ".kubeauth-"


def is_cache_file(name: str) -> bool:
    """Return whether the cache makes files of this name; leftovers of killed writes count."""
    digest, dot, ending = name.partition(".")
    known = len(digest) == DIGEST_LENGTH and dot + ending in _ENDINGS
    return known or name.startswith(TEMPORARY)
