"""Lengths of time as people write them on a command line."""

from __future__ import annotations

import math
import re

__all__ = ["parse_duration", "spoken_duration"]

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)"


def parse_duration(text: str) -> float:
    """Return the seconds that a number (``30``, ``1.5``) or a Go duration (``1m30s``) stands for.

    Raises ValueError for any other text and for zero, negative or infinite lengths. The format is
    that of Go's time.ParseDuration, which Azure/kubelogin's ``--timeout`` accepts.
    """
    stripped = text.strip()
    parts = re.findall(_PART, stripped)
    if parts and "".join(number + unit for number, unit in parts) == stripped:
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    elif re.fullmatch(r"\d+(\.\d*)?", stripped):
        seconds = float(stripped)
    else:
        raise ValueError(f"{text!r} is not a duration like 30s, 1m30s or 45")
    if seconds <= 0:
        raise ValueError(f"{text!r} is not longer than zero")
    if math.isinf(seconds):
        raise ValueError(f"{text!r} is too long")
    return seconds


def spoken_duration(seconds: float) -> str:
    """Write a length of time as a person would say it: ``45 seconds``, ``15 minutes``."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
