"""Convert kubeconfig files: lock, read, decide, save, and check that the result stays."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeauthError, KubeconfigError
from kubeauth_plugin.convert.plan import Plan, Selection, plan
from kubeauth_plugin.convert.request import ConvertRequest
from kubeauth_plugin.convert.undo import back_up
from kubeauth_plugin.kubeconfig.file import load_to_edit
from kubeauth_plugin.kubeconfig.lock import locked
from kubeauth_plugin.kubeconfig.save import save

__all__ = ["convert_files"]

# kubectl reads a kubeconfig, then locks it, then writes what it read: what was saved between its
# first two steps is silently put back. So a kubeconfig that others are writing to is watched for a
# while after it was saved, and converted again where that happened. In seconds.
_BUSY: Final = 1.0
_WATCH: Final = 0.5
_PAUSE: Final = 0.02
_ROUNDS: Final = 100


def convert_files(
    paths: Sequence[Path],
    selection: Selection,
    request: ConvertRequest,
    *,
    write: bool,
    strict: bool = False,
    backup: bool = False,
) -> Plan:
    """Convert the selected users of these files and return the outcome for each.

    Without ``write`` nothing is locked or saved; with ``strict`` nothing is saved when any user
    could not be converted; with ``backup`` each changed file is kept beside it. Raises
    KubeconfigError, with no file touched.
    """
    if not write:
        return _planned(paths, selection, request, strict)
    outcome: Plan | None = None
    for _ in range(_ROUNDS):
        busy = _busy(paths)
        with locked(paths):
            result = _planned(paths, selection, request, strict)
            contents = {p: (f, f.encoded(text)) for p, (f, text) in result.texts.items()}
            if backup:
                back_up(contents.values())
            save(contents)
        outcome = outcome or result
        if not (result.texts and busy) or _stays(paths, selection, request):
            break
    return outcome or result


def _planned(
    paths: Sequence[Path], selection: Selection, request: ConvertRequest, strict: bool
) -> Plan:
    with _no_collection():
        files = [file for path in paths if (file := load_to_edit(path)) is not None]
    if not files:
        names = ", ".join(map(str, paths)) or "what KUBECONFIG names"
        raise KubeconfigError(
            f"no kubeconfig: {names} does not exist",
            hint="fetch a cluster with `az aks get-credentials`, or name a --kubeconfig",
        )
    with _no_collection():
        result = plan(files, selection, request)
    if result.failures and strict:
        result.hold_back()
    return result


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector back: it would walk a growing tree, in which nothing is garbage.

    For 2,000 users that is a third of the time, and more the bigger the file is.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _busy(paths: Sequence[Path]) -> bool:
    """Whether another program writes to these files: they are locked, or were just saved."""
    now = time.time()
    for path in paths:
        with contextlib.suppress(OSError):
            if path.with_name(f"{path.name}.lock").exists() or now - path.stat().st_mtime < _BUSY:
                return True
    return False


def _stays(paths: Sequence[Path], selection: Selection, request: ConvertRequest) -> bool:
    """Watch the files for a while; False if a conversion was undone meanwhile."""
    seen = _stamps(paths)
    end = time.monotonic() + _WATCH
    while time.monotonic() < end:
        time.sleep(_PAUSE)
        now = _stamps(paths)
        if now == seen:
            continue
        seen = now
        with contextlib.suppress(KubeauthError):  # kubectl may be in the middle of writing
            if _planned(paths, selection, request, strict=False).texts:
                return False
    return True


def _stamps(paths: Sequence[Path]) -> list[tuple[int, int, int] | None]:
    stamps: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return stamps
