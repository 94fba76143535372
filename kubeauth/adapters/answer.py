"""Read one HTTP/1.1 answer (RFC 9112), bounded in time and size."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

from kubeauth.adapters.limits import LARGEST_ANSWER
from kubeauth.adapters.request_failed import RequestFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["Answer", "Headers", "read_answer"]

_LARGEST_HEAD: Final = 1 << 16
_CHUNK: Final = 1 << 16


class Headers(dict[str, str]):
    """Header fields by name in lower case; ``get`` takes any case."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Answer:
    """One answer, with the attributes that MSAL and kubeauth read."""

    def __init__(self, url: str, status_code: int, headers: Headers, content: bytes) -> None:
        self.url = url
        self.status_code = status_code
        self.headers = headers
        self.content = content

    @property
    def text(self) -> str:
        """The body as text; U+FFFD replaces bytes that are not UTF-8."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Read the body as JSON; raises ValueError."""
        try:
            return json.loads(self.content)
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error

    def raise_for_status(self) -> None:
        """Do nothing: the status of an OAuth error is not a failure of the request."""


def read_answer(
    url: str,
    connection: socket.socket,
    wait: Callable[[socket.socket], None],
    largest: int = LARGEST_ANSWER,
) -> Answer:
    """Read the answer to a request that was sent to ``url`` over ``connection``.

    ``wait`` limits how long the next call on the connection may wait, ``largest`` the size of the
    body in bytes. Raises RequestFailed, OSError and TimeoutError.
    """
    return _Reader(url, connection, wait, largest).answer()


class _Reader:
    """Reads one answer from a connection, bounded in time by ``wait`` and in size."""

    def __init__(
        self,
        url: str,
        connection: socket.socket,
        wait: Callable[[socket.socket], None],
        largest: int,
    ) -> None:
        self._url = url
        self._connection = connection
        self._wait = wait
        self._largest = largest
        self._buffer = b""

    def answer(self) -> Answer:
        """Read status, header fields and body; skips interim answers (RFC 9110 15.2)."""
        status, headers = self._head()
        while 100 <= status < 200:
            status, headers = self._head()
        return Answer(self._url, status, headers, self._body(status, headers))

    def _head(self) -> tuple[int, Headers]:
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                raise RequestFailed(self._url, "connection", "the server hung up")
            if len(self._buffer) > _LARGEST_HEAD:
                raise self._odd("its header fields have no end")
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        code = words[1] if len(words) > 1 else ""
        if not words[0].startswith("HTTP/1.") or not (len(code) == 3 and code.isdecimal()):
            raise self._odd("it does not begin as an HTTP answer does")
        headers = Headers()
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        return int(code), headers

    def _body(self, status: int, headers: Headers) -> bytes:
        if status in (204, 304):
            return b""
        body = self._raw_body(headers)
        encoding = headers.get("Content-Encoding", "identity").lower()
        if encoding == "identity":
            return body
        # Some proxies compress an answer although the client asked for "identity".
        import zlib

        try:
            # 32 + 15: detect gzip or zlib, with the largest window.
            plain = zlib.decompressobj(47).decompress(body, self._largest + 1)
        except zlib.error:
            raise self._odd(f"its encoding {encoding[:20]!r} is not known") from None
        self._check_size(len(plain))
        return plain

    def _raw_body(self, headers: Headers) -> bytes:
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = headers.get("Content-Length")
        if length is None:
            while self._more():
                self._check_size(len(self._buffer))
            return self._buffer
        if not length.isdecimal():
            raise self._odd("its length is not a number")
        return self._exactly(int(length))

    def _chunks(self) -> bytes:
        """Read a body in chunks (RFC 9112 7.1)."""
        body = b""
        while True:
            size = self._line().partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise self._odd("a chunk of it has no length") from None
            if length <= 0:
                return body
            body += self._exactly(length)
            self._check_size(len(body))
            self._line()

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _LARGEST_HEAD or not self._more():
                raise self._odd("it ends too soon")
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, length: int) -> bytes:
        self._check_size(length)
        parts, have = [self._buffer], len(self._buffer)
        while have < length:
            self._buffer = b""
            if not self._more():
                raise RequestFailed(self._url, "connection", "the answer ends too soon")
            parts.append(self._buffer)
            have += len(self._buffer)
        content = b"".join(parts)
        self._buffer = content[length:]
        return content[:length]

    def _more(self) -> bool:
        """Wait for the next bytes and read them; return False at the end of the stream."""
        self._wait(self._connection)
        received = self._connection.recv(_CHUNK)
        self._buffer += received
        return bool(received)

    def _check_size(self, size: int) -> None:
        if size > self._largest:
            raise self._odd("it is larger than such an answer can be")

    def _odd(self, why: str) -> RequestFailed:
        return RequestFailed(self._url, "answer", f"the answer cannot be read: {why}")
