"""A small HTTP/1.1 client (RFC 9112) without proxies; each request has its own connection.

It exists because importing requests takes longer than the rest of a sign-in. Every wait ends at
the deadline.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Collection, Mapping
from urllib.parse import urlencode, urlsplit

from kubeauth.adapters.answer import Answer, read_answer
from kubeauth.adapters.limits import LARGEST_ANSWER, LONGEST_PAUSE
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["DirectSession"]

logger = Logger(__name__)

# The pauses before the second, third … try, in seconds; later tries repeat the last pause.
_PAUSES: Final = (0.0, 1.0, 2.0, 4.0)
_JITTER: Final = 0.2
# How often to try again after a lost connection; ``tries`` limits the tries after transient errors.
_LOST: Final = 2
_MAY_ASK_FOR_A_PAUSE: Final = frozenset({413, 429, 503})


class DirectSession:
    """Requests to servers without a proxy on the way, all within one time limit.

    All of them end by ``deadline`` (on the clock of time.monotonic). ``connect_limit`` bounds each
    connection and ``read_limit`` each wait for a part of an answer, in seconds. If an answer's
    status is in ``transient``, send the request again, at most ``tries`` times. An answer has at
    most ``largest`` bytes. NOTE: never follow a redirect, which could send a secret to another
    server.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        deadline: float,
        connect_limit: float,
        read_limit: float,
        transient: Collection[int],
        tries: int,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        self._context = context
        self._deadline = deadline
        self._connect_limit = connect_limit
        self._read_limit = read_limit
        self._transient = transient
        self._tries = tries
        self._largest = largest

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | bytes | None = None,
    ) -> Answer:
        """Send one request and return the answer; try again after transient errors.

        Raises RequestFailed.
        """
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        message = _message(method, url, headers or {}, data)
        lost = 0
        for number in range(self._tries + 1):
            last = number == self._tries
            try:
                answer = self._exchange(url, message)
            except RequestFailed as failure:
                lost += 1
                worth = failure.kind in ("connection", "timeout") and lost <= _LOST and not last
                if not worth or not self._pause(number, None):
                    raise
                continue
            # Log the address without its query, which may hold secrets.
            logger.debug("%s %s: HTTP %d", method, url.partition("?")[0], answer.status_code)
            if answer.status_code not in self._transient or last:
                return answer
            if not self._pause(number, _asked_pause(answer)):
                return answer
        raise AssertionError("the last try returns or raises")

    def _pause(self, number: int, asked: float | None) -> bool:
        """Wait before the next try; return False if there is no time for one."""
        pause = _PAUSES[min(number, len(_PAUSES) - 1)]
        if pause:
            import random

            pause += random.uniform(0, _JITTER)  # noqa: S311  # not a secret
        pause = pause if asked is None else asked
        if pause > LONGEST_PAUSE or pause > self._left():
            return False
        time.sleep(pause)
        return True

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _exchange(self, url: str, message: bytes) -> Answer:
        try:
            with self._connected(url) as connection:
                connection.sendall(message)
                return read_answer(url, connection, self._wait_for, self._largest)
        except ssl.SSLError as error:
            # A time-out inside OpenSSL is an SSLError, too, but has no TLS cause.
            kind = "timeout" if isinstance(error, TimeoutError) else "tls"
            raise RequestFailed(url, kind) from error
        except TimeoutError as error:
            raise RequestFailed(url, "timeout") from error
        except OSError as error:
            raise RequestFailed(url, "connection") from error

    def _wait_for(self, connection: socket.socket, limit: float | None = None) -> None:
        """Limit the next call's wait on ``connection``; raises TimeoutError past the deadline."""
        left = self._left()
        if left <= 0:
            raise TimeoutError("the time for this sign-in is over")
        connection.settimeout(min(limit or self._read_limit, left))

    def _connected(self, url: str) -> socket.socket:
        """Connect, and speak TLS if the URL asks for it."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        secure = parts.scheme == "https"
        connection = self._dialled(host, port or (443 if secure else 80))
        if not secure:
            return connection
        try:
            self._wait_for(connection, self._connect_limit)
            name: Any = _plain(host) if type(self._context) is ssl.SSLContext else host
            return self._context.wrap_socket(connection, server_hostname=name)
        except BaseException:
            connection.close()
            raise

    def _dialled(self, host: str, port: int) -> socket.socket:
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in self._addresses(host, port):
            connection = socket.socket(family, kind, protocol)
            try:
                self._wait_for(connection, self._connect_limit)
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure

    def _addresses(self, host: str, port: int) -> list[Any]:
        """Look up a name, in a thread because the system's look-up has no time limit."""
        try:
            return socket.getaddrinfo(_plain(host), port, type=socket.SOCK_STREAM, flags=_NUMERIC)
        except socket.gaierror:
            pass
        import queue
        import threading

        found: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                found.put(socket.getaddrinfo(_plain(host), port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.put(error)

        threading.Thread(target=look_up, daemon=True).start()
        try:
            answer = found.get(timeout=max(0.0, min(self._connect_limit, self._left())))
        except queue.Empty:
            raise TimeoutError(f"no address for {host} in time") from None
        if isinstance(answer, UnicodeError):
            raise OSError(f"{host!r} is not the name of a host") from answer
        if isinstance(answer, OSError):
            raise answer
        return list(answer)


def _plain(host: str) -> str | bytes:
    """Return an ASCII name as bytes: for text, Python would load its IDNA tables."""
    return host.encode() if host.isascii() else host


_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


def _message(
    method: str, url: str, headers: Mapping[str, str], data: Mapping[str, Any] | bytes | None
) -> bytes:
    """Write a request; raises RequestFailed for a header field that cannot be sent."""
    parts = urlsplit(url)
    body = b""
    fields = {"Host": parts.netloc.rpartition("@")[2], "Accept": "*/*", "Connection": "close"}
    if isinstance(data, Mapping):
        body = urlencode({k: v for k, v in data.items() if v is not None}).encode()
        fields["Content-Type"] = "application/x-www-form-urlencoded"
    elif data is not None:
        body = data
    fields["Accept-Encoding"] = "identity"
    fields |= {name: value for name, value in headers.items() if value is not None}
    if body or method == "POST":
        fields["Content-Length"] = str(len(body))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items())]
    if not all(line.isprintable() and line.isascii() for line in lines):
        # NOTE: do not repeat the value; it may be a secret.
        raise RequestFailed(url, "answer", "a header field holds characters that HTTP cannot send")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _asked_pause(answer: Answer) -> float | None:
    """Return the pause in seconds that the server asks for (RFC 9110 10.2.3), else None."""
    text = answer.headers.get("Retry-After", "").strip()
    if answer.status_code not in _MAY_ASK_FOR_A_PAUSE or not text:
        return None
    if text.isdecimal():
        return float(text) if len(text) < 10 else None
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
