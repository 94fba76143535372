"""Requests and answers, which the servers pass to services and back."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class DuplicateParameter(ValueError):
    """A parameter occurred twice, which RFC 6749 section 3.2 forbids."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `headers` has lower-case names; `target` is the request line's as sent."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def form(self) -> dict[str, str]:
        """Return the body's form fields; raises `DuplicateParameter`.

        A body of another content type has no form fields, as for a real OAuth 2.0 endpoint.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return {}
        return unique(self.body.decode("utf-8", "replace"))

    def basic(self) -> tuple[str, str] | None:
        """Return client id and secret from `Authorization: Basic` (RFC 6749 section 2.3.1)."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return unquote(name), unquote(secret)

    def json(self) -> Any:
        """Return the body read as JSON, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def unique(text: str) -> dict[str, str]:
    """Return the parameters of a query string or form; raises `DuplicateParameter`."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in found:
            raise DuplicateParameter(name)
        found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. With `stream`, its parts follow each other as chunks after the headers."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None


class Handler(Protocol):
    """A service, which answers requests."""

    def __call__(self, request: Request) -> Response:
        """Return the answer to `request`."""


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return `value` as a JSON answer that must not be stored (RFC 6749 section 5.1)."""
    return Response(
        status,
        json.dumps(value).encode(),
        {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store, no-cache",
            "Pragma": "no-cache",
            **(headers or {}),
        },
    )


def html_response(status: int, page: str) -> Response:
    """Return a page for a browser."""
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
    return Response(status, page.encode(), headers)


def redirect(location: str) -> Response:
    """Return a 302 to `location`."""
    return Response(302, headers={"Location": location, "Cache-Control": "no-store"})
