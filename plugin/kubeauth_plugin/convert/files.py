"""Convert kubeconfig files: lock, read, decide, save, and check that the result stays."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from kubeauth.errors import KubeauthError, KubeconfigError
from kubeauth_plugin.convert.plan import Plan, Selection, plan
from kubeauth_plugin.convert.request import ConvertRequest
from kubeauth_plugin.convert.undo.backup import back_up
from kubeauth_plugin.convert.undo.history import History
from kubeauth_plugin.kubeconfig.file import load_to_edit
from kubeauth_plugin.kubeconfig.lock import locked
from kubeauth_plugin.kubeconfig.save import save

__all__ = ["convert_files"]

# kubectl reads a kubeconfig, then locks it, then writes what it read: what was saved between its
# first two steps is silently put back. So a kubeconfig to which others write while we run is
# watched for a while after it was saved, and converted again where that happened. In seconds.
_WATCH: Final = 0.5
_PAUSE: Final = 0.02
_ROUNDS: Final = 100

# Of each file its number, time of last write and size; None if it is not there.
_Stamps: TypeAlias = "list[tuple[int, int, int] | None]"


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
    begun = _begun()
    for _ in range(_ROUNDS):
        with locked(paths) as waited:
            busy = waited or _written_since(begun, paths)
            result = _planned(paths, selection, request, strict)
            contents = {p: (f, f.encoded(text)) for p, (f, text) in result.texts.items()}
            if backup:
                back_up(contents.values())
            _record(result)
            save(contents)
            saved = _stamps(paths)
        outcome = outcome or result
        busy = busy or _is_locked(paths) or _stamps(paths) != saved
        if not (result.texts and busy) or _stays(paths, selection, request):
            break
    return outcome or result


def _record(result: Plan) -> None:
    """Leave what --undo needs; a conversion does not fail because that is impossible."""
    try:
        History.of(os.environ).add(result.changes, time.time())
    except OSError as error:
        reason = error.strerror or str(error)
        result.warnings.append(f"--undo will not know this conversion ({reason}); --backup would")


def _planned(
    paths: Sequence[Path], selection: Selection, request: ConvertRequest, strict: bool
) -> Plan:
    with _no_collection():
        files = [file for path in paths if (file := load_to_edit(path)) is not None]
    if not files:
        names = ", ".join(map(str, paths)) or "what KUBECONFIG names"
        raise KubeconfigError(
            f"no kubeconfig: {names} does not exist",
            hint="fetch a cluster with `kubeauth get-credentials`, or name a --kubeconfig",
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


def _begun() -> float:
    """Return a time (epoch seconds) after which this process started, or soon after that.

    A file that was written since then has another writer at work; one that `az aks get-credentials`
    wrote in the command before has not.
    """
    return time.time() - time.process_time()


def _written_since(begun: float, paths: Sequence[Path]) -> bool:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime > begun:
                return True
    return False


def _is_locked(paths: Sequence[Path]) -> bool:
    return any(os.path.lexists(f"{path}.lock") for path in paths)


def _stays(paths: Sequence[Path], selection: Selection, request: ConvertRequest) -> bool:
    """Watch the files for a while; False if a conversion was undone since they were saved."""
    seen: _Stamps = []  # the first look reads them: another program may have been very quick
    end = time.monotonic() + _WATCH
    is_last = False  # the last look comes after the end, so it sees all that was written until then
    while not is_last:
        time.sleep(_PAUSE)
        is_last = time.monotonic() >= end
        now = _stamps(paths)
        if now == seen:
            continue
        seen = now
        with contextlib.suppress(KubeauthError):  # kubectl may be in the middle of writing
            if _planned(paths, selection, request, strict=False).texts:
                return False
    return True


def _stamps(paths: Sequence[Path]) -> _Stamps:
    stamps: _Stamps = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return stamps
