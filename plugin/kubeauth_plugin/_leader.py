"""Elect a leader among calls with one command line: it signs in, the others return its record.

A waiting call imports no more than a hit, so it costs little more. The operating system releases
the lock when the leader ends. Without a folder, a lock or a record in time, each call goes on by
itself; the library's lock per identity still applies to those.

As in ``_hot``, import only modules that the interpreter has already loaded.
"""

import os
from time import monotonic, sleep, time

from kubeauth_plugin import _hot

# Seconds that a call waits for the leader.
PATIENCE = 5.0
LOCK = ".leader"
# After how many seconds a call says on a terminal that it waits.
_SILENCE = 2.0
_WAITING = b"another kubeauth is signing in; waiting for it"
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
# Storages that write no file.
_NOWHERE = ("memory", "none")

# When this call began to wait (epoch seconds), or 0. A failure since then answers this call, too.
waited_since = 0.0
_descriptor = -1


def serve_after_leader(argv: list[str]) -> bool:
    """Wait while another call with the same command line signs in, then write its record.

    ``argv`` excludes the program. Return whether a record was written; if not, go on without one.
    """
    global waited_since, _descriptor
    try:
        import fcntl

        descriptor = _opened(
            _ready_folder(argv) + "/" + _hot.digest(argv, _hot.environment()) + LOCK
        )
    except (ImportError, OSError, ValueError):
        return False
    begun, now, pause, shown = monotonic(), time(), _FIRST_PAUSE, False
    try:
        while monotonic() - begun < PATIENCE:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited_since = now
                if not shown and monotonic() - begun > _SILENCE:
                    shown = _show(_WAITING + b"\r")
                sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
                continue
            except OSError:
                break
            if waited_since:
                break
            _descriptor = descriptor
            return False
    finally:  # Ctrl-C, too, must not leave the line
        if shown:
            _show(b" " * len(_WAITING) + b"\r")
    os.close(descriptor)
    return bool(waited_since) and _hot.serve(argv)


def _show(line: bytes) -> bool:
    """Write to stderr if that is a terminal; return True."""
    try:
        if os.isatty(2):
            os.write(2, line)
    except OSError:  # the text is only a courtesy
        pass
    return True


def try_lock(path: str) -> int:
    """Take the lock at ``path`` and return its descriptor; raises OSError if another holds it.

    Where the system has no such locks (Windows), only open the file.
    """
    descriptor = _opened(path)
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    return descriptor


def _opened(path: str) -> int:
    """Open a lock file and return its descriptor; creates the file; raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if descriptor <= 2:  # a standard stream was closed; it must not become the lock file
        os.close(descriptor)
        raise OSError("a standard stream is closed")
    return descriptor


def step_down() -> None:
    """Release the waiting calls, because this call needs a person or writes no record."""
    global _descriptor
    if _descriptor >= 0:
        os.close(_descriptor)
        _descriptor = -1


def _ready_folder(argv: list[str]) -> str:
    """Return the folder of the token cache, created if missing. Raises OSError if that fails."""
    try:
        folder = _hot.cache_folder(argv, _hot.environment())
    except FileNotFoundError:
        if _hot.value_of(argv, "--cache-storage") in _NOWHERE or (
            os.environ.get("KUBEAUTH_CACHE_STORAGE") in _NOWHERE
        ):
            raise
        named = _hot.named_folder(argv, _hot.environment())
        if not os.path.isabs(named):  # "~" of a user without a home, or relative
            raise
        # In a folder that others can open, the cache is a folder inside. Another call may have
        # made a private one just now.
        shared = os.path.isdir(named) and not _hot.is_private(os.stat(named))
        _make(named + "/kubeauth" if shared else named, 0o700)
        folder = _hot.cache_folder(argv, _hot.environment())
    if not folder:
        raise OSError("other users can open the folder")
    return folder


def _make(folder: str, mode: int) -> None:
    """Create a folder; the folders above it get the mode that kubectl gives ``~/.kube``."""
    if not os.path.isdir(folder):
        _make(os.path.dirname(folder), 0o750)
        try:  # noqa: SIM105  # contextlib would be one module more
            os.mkdir(folder, mode)
        except FileExistsError:
            pass
