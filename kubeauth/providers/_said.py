"""What others say of a failure, made fit to be shown."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["said"]

_LIKE_A_TOKEN: Final = re.compile(r"[\w-]{16,}\.[\w-]{16,}(\.[\w-]*)?")
_LONGEST: Final = 300


def said(text: str) -> str:
    """Give ``text`` in one line of bounded length, without a full stop.

    NOTE: what looks like a token is cut out; programs and servers do quote theirs.
    """
    return _LIKE_A_TOKEN.sub("…", " ".join(text.split()))[:_LONGEST].rstrip(". ")
