"""How soon one rejected token after another is replaced."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


__all__ = ["RenewalThrottle"]

# Between replacements of tokens that were never admitted.
_PAUSE: Final = 10.0
# Of tokens that were, so many are replaced at once, and then one for every pause that has passed.
_BURST: Final = 10


class RenewalThrottle:
    """Keeps a server that rejects every token from causing a sign-in for every request.

    Times are in epoch seconds. Not for many threads at once.
    """

    def __init__(self) -> None:
        self._noted: list[float] = []

    def allows(self, now: float, *, worked: bool) -> bool:
        """Return whether to replace a token now; ``worked`` says that it had been admitted before."""
        self._noted = [noted for noted in self._noted if 0 <= now - noted < _BURST * _PAUSE]
        if worked:
            return len(self._noted) < _BURST
        return not self._noted or now - self._noted[-1] >= _PAUSE

    def note(self, now: float) -> None:
        """Remember that a token was replaced."""
        self._noted.append(now)
