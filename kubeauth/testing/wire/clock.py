"""The clock of a simulator: real time plus an offset that tests can change."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Real time plus `offset` seconds; the whole simulator uses this clock."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Return the simulator's time in seconds since the epoch."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds` (negative moves it back)."""
        self.offset += seconds

    def stamp(self) -> str:
        """Return now as Entra ID writes it in errors, `2026-01-31 08:15:00Z`."""
        return datetime.fromtimestamp(self.now(), timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
