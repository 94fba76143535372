"""kubectl's own lock: a FILE.lock beside each kubeconfig, created exclusively.

client-go's clientcmd takes it for every file in KUBECONFIG, missing ones included, in sorted order,
and fails at once if one exists. Any other writer must lock the same names; kubeauth waits for them,
since kubectl holds them for milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

from kubeauth.errors import KubeconfigError
from kubeauth.files import undisturbed

__all__ = ["locked"]

# A lock that does not change for this long was left by a program that has died; in seconds.
PATIENCE: Final = 10.0
_PAUSE: Final = 0.02


@contextlib.contextmanager
def locked(paths: Iterable[Path], patience: float = PATIENCE) -> Iterator[bool]:
    """Hold the locks of these files; they are removed on every way out, signals included.

    Yield whether another program held one of them when we came.
    A folder in which no file can be created is skipped: saving will fail there with its own error.
    Raises KubeconfigError for a lock that stays for ``patience`` seconds.
    """
    held: list[Path] = []
    with _signals_raise():
        try:
            waited = [
                _take(Path(path), held, patience)
                for path in sorted({f"{path}.lock" for path in paths})
            ]
            yield any(waited)
        finally:
            for lock in reversed(held):
                with contextlib.suppress(FileNotFoundError):
                    undisturbed(lock.unlink)


def _take(lock: Path, held: list[Path], patience: float) -> bool:
    """Take one lock and return whether another program held it before."""
    waited = False
    seen: tuple[int, int] | None = None
    since = time.monotonic()
    while True:
        try:
            with _no_signals():
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                held.append(lock)
        except FileExistsError:
            waited = True
            now = _identity(lock)
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                raise KubeconfigError(
                    f"{lock}: another program has locked this kubeconfig for {patience:g} seconds",
                    hint=f"if no kubectl is at work, delete {lock} and try again",
                ) from None
            time.sleep(_PAUSE)
        except PermissionError:
            # Windows refuses access to a lock that is being deleted.
            if os.name != "nt" or time.monotonic() - since > patience:
                return waited
            waited = True
            time.sleep(_PAUSE)
        except OSError:
            return waited
        else:
            return waited


def _identity(lock: Path) -> tuple[int, int] | None:
    try:
        status = lock.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    """Hold signals back for a moment, where the system can, so that no lock is left unrecorded."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # A handler may still raise here, with the signals held back.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Turn the signals that would end the program at once into an exit that cleans up.

    The exit code is the one shells give a program that a signal ended: 128 and its number.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    for name in names:
        if before[name] is signal.SIG_DFL:
            signal.signal(getattr(signal, name), _leave)
    try:
        yield
    finally:
        for name in names:
            if before[name] is signal.SIG_DFL:
                signal.signal(getattr(signal, name), signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
