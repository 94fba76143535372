"""Running another program that signs in for us, without letting it hang or leak."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["Completed", "find_program", "run_program"]

# poll(2) counts milliseconds in an int and would overflow after 24 days.
_LONGEST_LIMIT: Final = 86400.0


class Completed(Record):
    """How a program ended; its output may hold a token and stays out of the repr."""

    returncode: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


def run_program(argv: Sequence[str], *, environ: Mapping[str, str], limit: float) -> Completed:
    """Run ``argv`` without a shell and without stdin, for at most ``limit`` seconds (and a day).

    Raises FileNotFoundError or PermissionError if it cannot be started and TimeoutError when the
    limit passes; the program and its children are ended then, and when the caller is interrupted.
    """
    own_group = os.name == "posix"
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        encoding="utf-8",
        errors="replace",
        start_new_session=own_group,
    )
    try:
        stdout, stderr = process.communicate(timeout=min(limit, _LONGEST_LIMIT))
    except subprocess.TimeoutExpired as error:
        _end(process, own_group=own_group)
        raise TimeoutError(f"no answer after {limit:g} s") from error
    except BaseException:
        _end(process, own_group=own_group)
        raise
    return Completed(process.returncode, stdout, stderr)


def _end(process: subprocess.Popen[str], *, own_group: bool) -> None:
    """Kill what still runs.

    A wrapper's children are in its process group and would live on, also when it is gone itself.
    """
    if own_group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def find_program(name: str, environ: Mapping[str, str], usual: Sequence[str] = ()) -> str:
    """Return the path of a program: from PATH, else from its ``usual`` places, else "".

    Programs started from a desktop often have a PATH without /usr/local/bin or Homebrew's folder.
    NOTE: only absolute folders count. The current folder may be anybody's.
    """
    endings = [""]
    if os.name == "nt":
        endings = [e for e in environ.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").split(";") if e]
        if os.path.splitext(name)[1].upper() in map(str.upper, endings):
            endings = [""]
    folders = environ.get("PATH", "").split(os.pathsep)
    on_path = (
        os.path.join(folder, name + ending)
        for folder in folders
        if os.path.isabs(folder)
        for ending in endings
    )
    return next((path for path in (*on_path, *usual) if _can_run(path)), "")


def _can_run(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
