"""What others say of a failure, made fit to be shown."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["sanitized"]

# The first part begins where no part of it goes before, or a long text would be searched over and
# over again.
_LIKE_A_TOKEN: Final = re.compile(r"(?<![\w-])[\w-]{16,}\.[\w-]{16,}(\.[\w-]*)?")
_LONGEST: Final = 300
_LOOKED_AT: Final = 10_000


def sanitized(text: str) -> str:
    """Give ``text`` in one line of bounded length, without a full stop.

    NOTE: what looks like a token is cut out; programs and servers do quote theirs.
    """
    line = _LIKE_A_TOKEN.sub("…", " ".join(text[:_LOOKED_AT].split()))
    return line[:_LONGEST].rstrip(". ")
