"""Read files that flags and variables name: bounded in size and time, in UTF-8 or UTF-16."""

from __future__ import annotations

import errno
import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeVar

    Result = TypeVar("Result")

__all__ = ["encoding_of", "read_bytes", "read_text", "undisturbed"]

# Bytes; secrets, tokens, certificates and descriptions of clouds are far smaller.
_LARGEST: Final = 1 << 20
# Seconds to wait for a pipe's content.
_PIPE_LIMIT: Final = 10.0
# Windows' errors for a file that another process has open, or deletes: access is denied, a sharing
# violation, a lock violation; None for an error of `os.open`, which has no such number.
_DISTURBED: Final = (None, 5, 32, 33)
# Seconds; other processes hold such files for milliseconds.
_PATIENCE: Final = 2.0
# A busy machine may stop a process for all of that time.
_LEAST_TRIES: Final = 50
_PAUSE: Final = 0.01
_BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# Content by path, because a pipe, such as the shell's <(…), can be read only once.
_PIPES: Final[dict[str, bytes]] = {}


def read_bytes(path: str, largest: int = _LARGEST) -> bytes:
    """Return a file's or a pipe's content; a leading ``~`` in ``path`` is the home folder.

    Raises OSError, also for content of more than ``largest`` bytes, for a device, and for a pipe
    that is not complete after ten seconds.
    """
    place = os.path.expanduser(path)
    if place in _PIPES:
        return _PIPES[place]
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = undisturbed(lambda: os.open(place, flags))
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(kind):
            _PIPES[place] = _read_pipe(descriptor, place, largest)
            return _PIPES[place]
        if not stat.S_ISREG(kind):
            code = errno.EISDIR if stat.S_ISDIR(kind) else errno.EINVAL
            raise OSError(code, os.strerror(code) if stat.S_ISDIR(kind) else "not a file", path)
        if os.fstat(descriptor).st_size > largest:
            raise OSError(errno.EFBIG, f"larger than {largest >> 20} MiB", path)
        return _read_all(descriptor, path, largest)
    finally:
        os.close(descriptor)


def read_text(path: str) -> str:
    """Return a file's text: UTF-8, or UTF-16 as Windows PowerShell's ``>`` writes it.

    Raises OSError, and ValueError for other content.
    """
    content = read_bytes(path)
    mark, encoding = encoding_of(content)
    return content[mark:].decode(encoding)


def encoding_of(content: bytes) -> tuple[int, str]:
    """Return the length of a text's byte order mark, and its encoding: UTF-8 or UTF-16.

    Without a mark it is UTF-16 if every second byte is zero, as in no other text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return len(mark), encoding
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = content[first::2]
        if zeros and len(content) % 2 == 0 and not zeros.strip(b"\0") and content.strip(b"\0"):
            return 0, encoding
    return 0, "utf-8"


def undisturbed(work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns; on Windows, repeat it while another process has the file open.

    Raises the error of ``work`` if that lasts for two seconds and 50 tries. On other
    systems, call ``work`` once: there an open file disturbs no other process.
    """
    if os.name != "nt":
        return work()
    deadline, tries = time.monotonic() + _PATIENCE, 0
    while True:
        try:
            return work()
        except PermissionError as error:
            tries += 1
            is_over = tries >= _LEAST_TRIES and time.monotonic() > deadline
            if is_over or getattr(error, "winerror", None) not in _DISTURBED:
                raise
        time.sleep(_PAUSE)


def _read_all(descriptor: int, path: str, largest: int) -> bytes:
    content = b""
    while part := os.read(descriptor, largest + 1 - len(content)):
        content += part
        if len(content) > largest:
            raise OSError(errno.EFBIG, f"larger than {largest >> 20} MiB", path)
    return content


def _read_pipe(descriptor: int, path: str, largest: int) -> bytes:
    import select

    content, deadline, written = b"", time.monotonic() + _PIPE_LIMIT, False
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise OSError(errno.ETIMEDOUT, "the pipe was not complete in time", path)
        ready, _, _ = select.select([descriptor], [], [], left)
        part = os.read(descriptor, largest + 1 - len(content)) if ready else b""
        written = written or bool(part)
        if ready and not part:
            if written or path.startswith(("/dev/fd/", "/proc/")):
                return content
            time.sleep(0.02)  # no writer has opened it yet
        content += part
        if len(content) > largest:
            raise OSError(errno.EFBIG, f"larger than {largest >> 20} MiB", path)
