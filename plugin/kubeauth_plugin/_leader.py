"""Of many calls with one command line, the first signs in, and the others serve its record.

A call that waits costs little more than a hit, for it imports no more. The lock is the operating
system's: a leader that ends, however it ends, frees it. Where anything is in doubt (no folder, no
locks, no record in time) each call goes its own way; the lock per identity, which the library
holds, is still there for those.

As in ``_hot``, nothing is imported that the interpreter does not have ready.
"""

import os
from time import monotonic, sleep, time

from kubeauth_plugin import _hot

# A call waits for the leader for this long; seconds.
PATIENCE = 5.0
LOCK = ".leader"
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
# Storages that leave nothing on disk.
_NOWHERE = ("memory", "none")

# When this call began, in epoch seconds, if it waited: a failure since then answers it, too.
waited_since = 0.0
_descriptor = -1


def serve_after_leader(argv: list[str]) -> bool:
    """Wait while another call signs in for the same command line, and serve its record.

    ``argv`` is without the program. Returns False if this call has to sign in itself.
    """
    global waited_since, _descriptor
    try:
        import fcntl

        path = _ready_folder(argv) + "/" + _hot.digest(argv, os.environ) + LOCK
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except (ImportError, OSError, ValueError):
        return False
    if descriptor <= 2:  # a standard stream is closed, and must not become this file
        os.close(descriptor)
        return False
    begun, now, pause = monotonic(), time(), _FIRST_PAUSE
    while monotonic() - begun < PATIENCE:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited_since = now
            sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            continue
        except OSError:
            break
        if waited_since:
            break
        _descriptor = descriptor
        return False
    os.close(descriptor)
    return bool(waited_since) and _hot.serve(argv)


def step_down() -> None:
    """Let the others go: this call asks a person, or leaves no record."""
    global _descriptor
    if _descriptor >= 0:
        os.close(_descriptor)
        _descriptor = -1


def _ready_folder(argv: list[str]) -> str:
    """Return the folder of the token cache, made if need be; raises OSError if there is none."""
    try:
        folder = _hot.cache_folder(argv, os.environ)
    except FileNotFoundError:
        if _hot.value_of(argv, "--cache-storage") in _NOWHERE or (
            os.environ.get("KUBEAUTH_CACHE_STORAGE") in _NOWHERE
        ):
            raise
        named = _hot.named_folder(argv, os.environ)
        # A folder that was there and is missing something is shared: ours goes into it.
        _make(named + "/kubeauth" if os.path.isdir(named) else named, 0o700)
        folder = _hot.cache_folder(argv, os.environ)
    if not folder:
        raise OSError("the folder is open to others")
    return folder


def _make(folder: str, mode: int) -> None:
    """Make a folder; those above it get the rights that kubectl gives ``~/.kube``."""
    if not os.path.isdir(folder):
        _make(os.path.dirname(folder), 0o750)
        try:  # noqa: SIM105  # contextlib would be one module more
            os.mkdir(folder, mode)
        except FileExistsError:
            pass
