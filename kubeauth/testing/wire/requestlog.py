"""A log of the simulator's requests, without secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

REDACTED = "(redacted)"

# NOTE: a reader of a test's output could sign in with these values, so log only their names.
_SECRET_FIELDS = frozenset(
    {
        "client_secret",
        "client_assertion",
        "password",
        "passwd",
        "refresh_token",
        "code",
        "code_verifier",
        "device_code",
        "assertion",
    }
)
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-identity-header", "secret"})


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as the simulator saw it.

    `when` is the epoch time of its arrival by the simulator's clock, `duration` the seconds the
    service took, `status` 0 when no answer was sent. Secret values read `(redacted)`.
    """

    service: str
    method: str
    path: str
    grant_type: str
    status: int
    client_id: str
    when: float
    duration: float
    form: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def redact_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return form or query fields with secret values replaced."""
    return {name: REDACTED if name in _SECRET_FIELDS else text for name, text in fields.items()}


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with secret values replaced; an authorization scheme stays readable."""
    kept = dict(headers)
    for name in _SECRET_HEADERS & kept.keys():
        scheme = kept[name].partition(" ")[0] + " " if name == "authorization" else ""
        kept[name] = scheme + REDACTED
    return kept


class RequestLog(Sequence[RequestRecord]):
    """The requests in the order of their answers; safe to read while servers write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[RequestRecord] = []

    def add(self, record: RequestRecord) -> None:
        """Append a record."""
        with self._lock:
            self._records.append(record)

    def clear(self) -> None:
        """Forget all records."""
        with self._lock:
            self._records.clear()

    def select(
        self, *, service: str = "", grant_type: str = "", path: str = "", method: str = ""
    ) -> list[RequestRecord]:
        """Return the records that match; `path` matches when it occurs in the record's path."""
        return [
            record
            for record in self
            if service in ("", record.service)
            and grant_type in ("", record.grant_type)
            and method in ("", record.method)
            and path in record.path
        ]

    def count(  # type: ignore[override]  # asks for properties, not for an equal record
        self, *, service: str = "", grant_type: str = "", path: str = "", method: str = ""
    ) -> int:
        """Return how many records match; see `select`."""
        return len(self.select(service=service, grant_type=grant_type, path=path, method=method))

    @overload
    def __getitem__(self, place: int) -> RequestRecord: ...
    @overload
    def __getitem__(self, place: slice) -> list[RequestRecord]: ...
    def __getitem__(self, place: int | slice) -> RequestRecord | list[RequestRecord]:
        """Return a record, or a list of records for a slice."""
        with self._lock:
            return self._records[place]

    def __len__(self) -> int:
        """Return how many requests were answered."""
        with self._lock:
            return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        """Iterate over a copy, so that requests may arrive meanwhile."""
        with self._lock:
            return iter(list(self._records))

    def __repr__(self) -> str:
        """Return the requests, one a line, for a failed test's output."""
        lines = (f"{r.service} {r.method} {r.path} {r.grant_type} {r.status}" for r in self)
        return "<requests\n  " + "\n  ".join(lines) + ">"
