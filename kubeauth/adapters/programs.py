"""Run another program that signs in for us, with limits on its time and its output.

On POSIX this calls the system directly: ``subprocess`` brings threads and selectors, whose import
takes as long as starting the program.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from kubeauth.files import encoding_of
from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["Completed", "absolute_folders", "find_program", "run_program", "split_command"]

# Bytes of stdout and of stderr; a token and the reasons for its absence are far shorter.
_LARGEST: Final = 1 << 20
_CHUNK: Final = 1 << 16
# Python ignores these signals (SIGPIPE, SIGXFSZ); a program of another's expects the defaults.
_DEFAULT_SIGNALS: Final = (13, 25)
_KILL: Final = 9
_LONGEST_LIMIT: Final = 86400.0
_LONGEST_PAUSE: Final = 0.05
_PATHEXT: Final = ".COM;.EXE;.BAT;.CMD"


class Completed(Record):
    """The exit code and output of a program; the repr omits the output, which may hold a token."""

    returncode: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


def run_program(argv: Sequence[str], *, environ: Mapping[str, str], limit: float) -> Completed:
    """Run ``argv`` without a shell and without stdin, for at most ``limit`` seconds (and a day).

    Raises OSError if the program does not start or prints more than 1 MiB, and TimeoutError after
    ``limit``. Then, and if an exception interrupts the wait, kill the program and its children.
    """
    seconds = min(limit, _LONGEST_LIMIT)
    program = argv[0] if os.path.dirname(argv[0]) else find_program(argv[0], environ)
    if not program:
        raise FileNotFoundError(errno.ENOENT, "it is not on PATH", argv[0])
    if sys.platform == "win32":
        from kubeauth.adapters.windows_programs import run_windows_program

        code, outputs = run_windows_program([program, *argv[1:]], environ, seconds, _LARGEST)
    else:
        code, outputs = _run([program, *argv[1:]], environ, seconds)
    stdout, stderr = map(_text, outputs)
    return Completed(code, stdout, stderr)


def _text(output: bytes) -> str:
    """Return a program's output as text: UTF-8, UTF-16, or Windows' cp1252.

    cp1252 applies only where no character is valid UTF-8; U+FFFD replaces what remains unclear.
    """
    mark, encoding = encoding_of(output)
    if mark or encoding != "utf-8":
        return output[mark:].decode(encoding, "replace")
    try:
        return output.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if output.decode("utf-8", "ignore").isascii():
        return output.decode("cp1252", "replace")
    return output.decode("utf-8", "replace")


def _run(argv: Sequence[str], environ: Mapping[str, str], limit: float) -> tuple[int, list[bytes]]:
    deadline = time.monotonic() + limit
    usual = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
    reads, writes = zip(os.pipe(), os.pipe(), strict=True)
    process = 0
    try:
        try:
            # An exception from a signal's handler (Ctrl-C) would lose the number of the process.
            _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
            process = _spawn(argv, environ, writes, usual)
        finally:
            for write in writes:
                os.close(write)
            _signal.pthread_sigmask(_signal.SIG_SETMASK, usual)
        outputs = _read_all(reads, deadline)
        return _wait(process, deadline), outputs
    except BaseException as error:
        if process:  # a wrapper's children are in its process group and would live on
            _kill_group(process)
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"no answer after {limit:g} s") from None
        raise
    finally:
        for read in reads:
            os.close(read)


def _spawn(
    argv: Sequence[str], environ: Mapping[str, str], outputs: Sequence[int], blocked: Iterable[int]
) -> int:
    """Start a program that blocks only the signals ``blocked``; return its number."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        *((os.POSIX_SPAWN_DUP2, pipe, number + 1) for number, pipe in enumerate(outputs)),
    ]
    options: dict[str, Any] = {
        "file_actions": actions,
        "setsigdef": _DEFAULT_SIGNALS,
        "setsigmask": blocked,
    }
    try:
        # In a session of its own it has no terminal to ask a person at.
        return os.posix_spawn(argv[0], tuple(argv), environ, **options, setsid=True)
    except NotImplementedError:  # older systems
        return os.posix_spawn(argv[0], tuple(argv), environ, **options, setpgroup=0)


def _read_all(pipes: Sequence[int], deadline: float) -> list[bytes]:
    """Read the pipes to their ends; raises TimeoutError, and OSError for too much."""
    import select

    contents = dict.fromkeys(pipes, b"")
    open_pipes = list(pipes)
    while open_pipes:
        left = deadline - time.monotonic()
        ready, _, _ = select.select(open_pipes, [], [], max(0.0, left))
        if not ready:
            raise TimeoutError
        for pipe in ready:
            part = os.read(pipe, _CHUNK)
            contents[pipe] += part
            if not part:
                open_pipes.remove(pipe)
            if len(contents[pipe]) > _LARGEST:
                raise OSError(errno.EFBIG, "it prints more than any token")
    return [contents[pipe] for pipe in pipes]


def _wait(process: int, deadline: float) -> int:
    """Wait for the end of a program that has closed its outputs; raises TimeoutError."""
    pause = 0.0005
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _kill_group(process: int) -> None:
    try:
        os.killpg(process, _KILL)
        os.waitpid(process, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def find_program(name: str, environ: Mapping[str, str], usual: Sequence[str] = ()) -> str:
    """Return the path of a program: from PATH, else from its ``usual`` places, else "".

    Programs started from a desktop often have a PATH without /usr/local/bin or Homebrew's folder.
    NOTE: skip relative folders in PATH, since another user may own the current folder.
    """
    endings = [""]
    if os.name == "nt":
        endings = [e for e in (environ.get("PATHEXT") or _PATHEXT).split(";") if e]
        if os.path.splitext(name)[1].upper() in map(str.upper, endings):
            endings = [""]
    on_path = (
        os.path.join(folder, name + ending)
        for folder in absolute_folders(environ.get("PATH", ""))
        for ending in endings
    )
    return next((path for path in (*on_path, *usual) if _can_run(path)), "")


def absolute_folders(path: str) -> list[str]:
    """Return the absolute folders of a value of PATH, without those below the current folder."""
    folders = path.split(os.pathsep)
    if os.name == "nt":
        # Entries may stand in quotes; `\bin` lies on whichever drive is the current one.
        folders = [each.strip('"') for each in folders]
        folders = [each for each in folders if os.path.splitdrive(each)[0]]
    return [each for each in folders if os.path.isabs(each)]


def split_command(text: str) -> list[str]:
    """Split a command line into words; on Windows a backslash is part of a path, and no escape.

    Raises ValueError for a quote that is not closed.
    """
    import shlex

    if os.name != "nt":
        return shlex.split(text)
    return [word.strip("\"'") for word in shlex.split(text, posix=False)]


def _can_run(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
