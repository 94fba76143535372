"""Failures on purpose, as a network, a proxy or an overloaded service causes them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure and the requests it hits.

    It hits requests whose service equals `service`, whose path contains `path`, and whose method
    and grant type equal `method` and `grant_type`; an empty value matches every request. `times` is
    how many requests it hits (None: all).

    `latency` delays the answer by so many seconds. `hang` sends no answer, and closes the
    connection after so many seconds. `reset` resets the connection (TCP RST). `status`, `headers`
    or `body` replace the service's answer (status 200 if only a body is given); `{request}` in a
    body stands for what the client sent, as careless servers repeat it. `latency` combines with
    each of the others.
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
    """The pending failures, oldest first. Threads may share one object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Apply `fault` to the next requests that it hits."""
        with self._lock:
            self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Delete all pending failures."""
        with self._lock:
            self._waiting.clear()

    def __len__(self) -> int:
        """Return the number of pending failures."""
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
