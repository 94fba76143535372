"""Failures on purpose: what a network, a proxy or an overloaded service does to a client."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure and the requests it hits.

    It hits requests whose service equals `service`, whose path contains `path`, and whose method
    and grant type equal `method` and `grant_type`; an empty one hits all. `times` counts the
    requests it hits (None: for ever).

    What happens: with `latency` the answer comes that many seconds late; with `hang` no answer
    comes, and after that many seconds the connection closes; with `reset` the connection is reset
    (TCP RST); with `status`, `headers` or `body` this answer replaces the service's (status 200
    when only a body is given). `latency` goes together with each of the others.
    """

    service: str = ""
    path: str = ""
    method: str = ""
    grant_type: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    reset: bool = False
    hang: float | None = None
    latency: float = 0.0
    times: int | None = 1

    @property
    def answers(self) -> bool:
        """Whether this fault replaces the service's answer."""
        return self.status is not None or self.body is not None

    def hits(self, service: str, method: str, path: str, grant_type: str) -> bool:
        """Return whether a request with these properties is hit."""
        return (
            self.service in ("", service)
            and self.method in ("", method)
            and self.grant_type in ("", grant_type)
            and self.path in path
        )


class Faults:
    """The failures waiting to happen, oldest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` happen to the next requests that it hits."""
        with self._lock:
            self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Forget every failure that has not happened yet."""
        with self._lock:
            self._waiting.clear()

    def __len__(self) -> int:
        """Return how many failures still wait."""
        with self._lock:
            return len(self._waiting)

    def take(self, service: str, method: str, path: str, grant_type: str) -> Fault | None:
        """Return the oldest failure that hits this request and count it, or None."""
        with self._lock:
            for place, (fault, left) in enumerate(self._waiting):
                if not fault.hits(service, method, path, grant_type):
                    continue
                if left is not None and left <= 1:
                    del self._waiting[place]
                else:
                    self._waiting[place] = (fault, None if left is None else left - 1)
                return fault
        return None
