"""Make third-party error text safe to print: one line, bounded, without tokens."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["sanitized"]

# The look-behind lets a match start only at the beginning of a word; else the search through a long
# word would take quadratic time.
_LIKE_A_TOKEN: Final = r"(?<![\w-])[\w-]{16,}\.[\w-]{16,}(\.[\w-]*)?"  # noqa: S105
_LONGEST: Final = 300
_LOOKED_AT: Final = 10_000


def sanitized(text: str) -> str:
    """Return ``text`` in one line of at most 300 characters, without a full stop.

    A longer text ends in "…" after its last whole word: half an address would lead nowhere.
    NOTE: replaces everything that looks like a token, since programs and servers quote tokens.
    """
    line = re.sub(_LIKE_A_TOKEN, "…", " ".join(text[:_LOOKED_AT].split()))
    line = line.rstrip(". ")
    if len(line) <= _LONGEST:
        return line
    begun = line[: _LONGEST - 1]
    whole = begun if line[_LONGEST - 1] == " " else begun.rpartition(" ")[0] or begun
    return f"{whole.rstrip('. …')}…"
