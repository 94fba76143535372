"""HTTP/1.1 servers on 127.0.0.1 for any service, with TLS, faults and a request log."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from kubeauth.testing.wire.http import DuplicateParameter, Request, Response, json_response
from kubeauth.testing.wire.requestlog import RequestRecord, redact_fields, redact_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeauth.testing.wire.clock import Clock
    from kubeauth.testing.wire.faults import Fault, Faults
    from kubeauth.testing.wire.http import Handler
    from kubeauth.testing.wire.requestlog import RequestLog

_log = logging.getLogger(__name__)
_HANDSHAKE_SECONDS = 10
_LARGEST_BODY = 4 * 1024 * 1024
_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # on, zero seconds


class Server(ThreadingHTTPServer):
    """One listening port of 127.0.0.1.

    `route` returns a request's service: its name (for log and faults) and its handler.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    timeout = 0

    def __init__(
        self,
        route: Callable[[Request], tuple[str, Handler]],
        *,
        tls: ssl.SSLContext | None,
        clock: Clock,
        log: RequestLog,
        faults: Faults,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.route, self.tls, self.clock, self.log, self.faults = route, tls, clock, log, faults
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that the operating system chose."""
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind without the look-up of the machine's full name, which may take seconds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS and HTTP with one client; runs in the thread of its connection."""
        connection = request
        me = threading.current_thread()
        try:
            if self.tls is not None:
                connection = self._handshake(request)
            with self._lock:
                self._open.add(connection)
                self._workers.add(me)
            if not self.stopping.is_set():
                _Connection(connection, client_address, self)
        except (OSError, ValueError):  # the client went away, or offered no TLS we speak
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
                self._workers.discard(me)
            connection.close()

    def _handshake(self, request: socket.socket) -> ssl.SSLSocket:
        # In the connection's own thread, so that one slow client does not keep others out.
        if self.tls is None:
            raise ValueError("this port speaks no TLS")
        request.settimeout(_HANDSHAKE_SECONDS)
        wrapped = self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        try:
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        wrapped.settimeout(None)
        return wrapped

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that went away."""

    def close_all(self) -> None:
        """Close the port and every open connection, and wait a second for their threads."""
        self.stopping.set()
        self.server_close()
        with self._lock:
            connections, workers = list(self._open), list(self._workers)
        for connection in connections:
            # The plain shutdown: a TLS one would touch the session another thread is reading.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        # On Windows, the shutdown wakes no thread that reads: all of them together get a second.
        deadline = time.monotonic() + 1
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))


class Acceptor:
    """One thread that accepts connections for several servers and stops at once."""

    def __init__(self, servers: list[Server]) -> None:
        self._servers = servers
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for server in self._servers:
                selector.register(server, selectors.EVENT_READ, server)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    key.data.handle_request()

    def stop(self) -> None:
        """Stop accepting, close all ports and connections."""
        self._wake.close()
        self._thread.join()
        self._woken.close()
        for server in self._servers:
            server.close_all()


class _Connection(BaseHTTPRequestHandler):
    """Reads requests from one connection and writes the answers."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Write nothing: the request log is the record."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date of an answer by the simulator's clock."""
        return super().date_time_string(self.server.clock.now() if timestamp is None else timestamp)

    def _serve(self) -> None:
        started, clock = time.monotonic(), self.server.clock.now()
        request = self._read()
        if request is None:
            return
        service, handler = self.server.route(request)
        fields = _fields(request)
        grant = fields.get("grant_type", "")
        fault = self.server.faults.take(service, request.method, request.path, grant)
        if fault is not None and fault.latency:
            self.server.stopping.wait(fault.latency)
        response: Response | None
        if fault is None or not (fault.answers or fault.reset or fault.hang is not None):
            response = self._answer(handler, request)
        else:
            response = _faulty(fault, service, request) if fault.answers else None
        record = RequestRecord(
            service,
            request.method,
            request.path,
            grant,
            response.status if response else 0,
            _client_id(request, fields),
            clock,
            time.monotonic() - started,
            redact_fields(fields),
            redact_fields(request.query),
            redact_headers(request.headers),
        )
        # Write the record before the answer, so that a client with the answer finds the record.
        self.server.log.add(record)
        if response is not None:
            self._write(response)
        elif fault is not None:
            self._break(fault)

    def __getattr__(self, name: str) -> Any:
        """Find `do_GET` and the like for every method; a service says which ones it has."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _answer(self, handler: Handler, request: Request) -> Response:
        try:
            return handler(request)
        except Exception:
            _log.exception("the simulator failed at %s %s", request.method, request.path)
            return Response(500)

    def _read(self) -> Request | None:
        if "transfer-encoding" in self.headers:
            self._write(Response(411))
            return None
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._write(Response(400 if not length.isdecimal() else 413))
            return None
        body = self.rfile.read(int(length))
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        return Request(self.command, self.path, unquote(split.path), query, headers, body)

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is not None:
            self._write_stream(response)
            return
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        if response.status == 411:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    def _write_stream(self, response: Response) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for part in response.stream or ():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _break(self, fault: Fault) -> None:
        self.close_connection = True
        if fault.hang is not None:
            self.server.stopping.wait(fault.hang)
        if fault.reset:
            # Linger with a timeout of zero makes close() send RST (socket(7), SO_LINGER).
            raw = socket.socket(fileno=self.connection.detach())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            raw.close()


def _fields(request: Request) -> dict[str, str]:
    try:
        return request.form()
    except DuplicateParameter:
        return {}


def _client_id(request: Request, fields: dict[str, str]) -> str:
    if basic := request.basic():
        return basic[0]
    return fields.get("client_id") or request.query.get("client_id", "")


def _faulty(fault: Fault, service: str, request: Request) -> Response:
    status = fault.status or 200
    if fault.body is not None:
        sent = "; ".join([*request.headers.values(), unquote_plus(request.body.decode("latin-1"))])
        body = fault.body.replace(b"{request}", json.dumps(sent)[1:-1].encode())
        return Response(status, body, {"Content-Type": "text/html", **fault.headers})
    value: dict[str, Any]
    if service == "apiserver":
        value = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
        value |= {"status": "Failure", "message": "the server is overloaded", "code": status}
    elif service == "arm":
        code = "TooManyRequests" if status == 429 else "ServiceUnavailable"
        value = {"error": {"code": code, "message": "The service cannot answer now."}}
    else:
        text = "AADSTS90033: A transient error has occurred. Please try again."
        value = {"error": "temporarily_unavailable", "error_description": text}
        value["error_codes"] = [90033]
    return json_response(status, value, fault.headers)
