"""Listen on this machine for the browser that returns from a sign-in.

"OAuth 2.0 for Native Apps" (RFC 8252 7.3) describes it; the answer comes in the address or as a
posted form ("OAuth 2.0 Form Post Response Mode").
"""

from __future__ import annotations

import hmac
import os
import queue
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answer", "Receiver", "parameters"]

# Bytes. An answer is short; do not read more.
_LONGEST_FORM: Final = 1 << 16
# How long a browser's page waits for the exchange of the code, in seconds.
_OUTCOME_LIMIT: Final = 90.0
_CONNECTION_LIMIT: Final = 20.0
# Seconds to wait at the end of a sign-in until the browser has the closing page.
_PAGE_LIMIT: Final = 2.0

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:17px system-ui,sans-serif;max-width:34em;margin:5em auto;padding:0 1em}}</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The authority's answer, which the browser brings; ``finish`` shows the closing page."""

    parameters: Mapping[str, str] = field(repr=False)
    in_browser: bool = True
    _outcome: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue, repr=False)
    _shown: threading.Event = field(default_factory=threading.Event, repr=False)

    def finish(self, problem: str = "") -> None:
        """Show the closing page (success or ``problem``), and return when the browser has it."""
        self._outcome.put(problem)
        if self.in_browser:
            self._shown.wait(_PAGE_LIMIT)

    def outcome(self) -> str:
        """Wait for ``finish``, and return the problem, or "" after a success."""
        try:
            return self._outcome.get(timeout=_OUTCOME_LIMIT)
        except queue.Empty:
            return "The program that asked for this sign-in gave no answer."

    def shown(self) -> None:
        """Record that the browser has the closing page."""
        self._shown.set()


class Receiver:
    """Listens on 127.0.0.1 from its construction until ``close``.

    ``ports`` are tried in order, 0 meaning any that is free; raises OSError if none is. Only an
    answer with the right ``state`` counts (RFC 6749 10.12); ``answers`` is where it arrives.
    """

    def __init__(self, ports: Sequence[int], path: str) -> None:
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.state = ""
        self.path = path or "/"
        self._server = _listen(ports, self)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def start(self, state: str) -> None:
        """Begin to answer browsers that come with this state."""
        self.state = state
        self._thread.start()

    def accepts(self, found: Mapping[str, str]) -> bool:
        """Return whether an answer belongs to the sign-in that waits here."""
        same = hmac.compare_digest(found.get("state", "").encode(), self.state.encode())
        return bool(self.state) and same and ("code" in found or "error" in found)

    def close(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """A thread for each connection: browsers open some that they never use."""

    # Elsewhere a port that was just used would be refused; on Windows this would share it.
    allow_reuse_address = os.name == "posix"
    # A connection without a request must not delay the end.
    daemon_threads = True
    receiver: Receiver

    def server_bind(self) -> None:
        """Bind without asking DNS for this machine's name, which can take seconds."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: a browser may close its connection."""


def _listen(ports: Sequence[int], receiver: Receiver) -> _Server:
    failure = OSError("no port is named")
    for port in ports:
        try:
            # NOTE: never on all interfaces, also not in a container.
            server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            failure = error
        else:
            server.receiver = receiver
            return server
    raise failure


class _Handler(BaseHTTPRequestHandler):
    """Answers one request of the browser."""

    timeout = _CONNECTION_LIMIT
    server_version = "kubeauth"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        """Receive an answer in the address."""
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        """Receive an answer in a form."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LONGEST_FORM:
            self._page(400, "This is not the answer to a sign-in")
            return
        self._answer(self.rfile.read(int(length)).decode("ascii", "replace"))

    def _answer(self, encoded: str) -> None:
        receiver = self.server.receiver
        if urlsplit(self.path).path != receiver.path:
            self._page(404, "There is nothing here")
            return
        found = parameters(encoded)
        if not receiver.accepts(found):
            self._page(400, "This is not the answer to the sign-in that waits here")
            return
        answer = Answer(found)
        receiver.answers.put(answer)
        problem = answer.outcome()
        try:
            if problem:
                self._page(200, "The sign-in failed", problem)
            else:
                self._page(200, "You are signed in", "You can close this page.")
        finally:
            answer.shown()

    def _page(self, status: int, title: str, text: str = "") -> None:
        body = _PAGE.format(title=escape(title), text=escape(text)).encode()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Log nothing: the address holds the code."""


def parameters(encoded: str) -> dict[str, str]:
    """Parse a form, dropping repeated parameters."""
    pairs = parse_qsl(encoded, keep_blank_values=True)
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}
