"""Limit how often rejected tokens cause new sign-ins."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


__all__ = ["RenewalThrottle"]

# The pause between replacements of tokens that the API server never accepted; seconds.
_PAUSE: Final = 10.0
# The number of once accepted tokens that may be replaced at once; after them, one per pause.
_BURST: Final = 10


class RenewalThrottle:
    """Prevents one sign-in per request if an API server rejects every token.

    Times are epoch seconds. Not thread-safe.
    """

    def __init__(self) -> None:
        self._noted: list[float] = []

    def allows(self, now: float, *, worked: bool) -> bool:
        """Return whether to replace a token now.

        ``worked`` says that the API server accepted the token before it rejected it.
        """
        self._noted = [noted for noted in self._noted if 0 <= now - noted < _BURST * _PAUSE]
        if worked:
            return len(self._noted) < _BURST
        return not self._noted or now - self._noted[-1] >= _PAUSE

    def note(self, now: float) -> None:
        """Remember that a token was replaced."""
        self._noted.append(now)
