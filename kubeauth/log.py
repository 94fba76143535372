"""Write log lines without importing ``logging``.

If the program has not imported ``logging``, it has no handler for kubeauth's lines. Importing it
takes half as long as the interpreter's own start.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Logger"]

_DEBUG, _INFO = 10, 20


class Logger:
    """The logger called ``name``, as ``logging.getLogger`` knows it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, text: str, *values: object) -> None:
        """Log a detail."""
        self._log(_DEBUG, text, values)

    def info(self, text: str, *values: object) -> None:
        """Log a step of the work."""
        self._log(_INFO, text, values)

    def is_heard(self) -> bool:
        """Return whether the program logs kubeauth's steps (level INFO)."""
        logging: Any = sys.modules.get("logging")
        return logging is not None and bool(logging.getLogger(self._name).isEnabledFor(_INFO))

    def _log(self, level: int, text: str, values: tuple[object, ...]) -> None:
        logging: Any = sys.modules.get("logging")
        if logging is not None:
            logging.getLogger(self._name).log(level, text, *values, stacklevel=3)
