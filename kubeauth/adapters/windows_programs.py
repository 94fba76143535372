"""Running programs on Windows: their command lines, and ending them with their children."""

from __future__ import annotations

import contextlib
import ctypes
import ntpath
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Final

__all__ = ["command_line", "run_windows_program"]

# Without a window, and not running before it is in its job.
_CREATION_FLAGS: Final = 0x08000000 | 0x00000004
# Rights to a process: end it, put it into a job, resume it.
_RIGHTS: Final = 0x0001 | 0x0100 | 0x0800
# Seconds between looks at the program.
_PAUSE: Final = 0.02
# The exit code of a program that is ended at its time limit.
_ENDED: Final = 1
_BATCH_FILES: Final = (".bat", ".cmd")
# A percent sign, then a variable that is empty: so cmd.exe finds no name between two percent signs.
_PERCENT: Final = "%%cd:~,%"
_LINE_ENDS: Final = frozenset("\r\n\0")


class _Job:
    """A job object, to which a program belongs with everything that it starts.

    A tree of processes by parents would miss those whose parent has ended, which `az` (a batch
    file) and its Python are when cmd.exe is ended first.
    """

    _kernel: Any
    _resume: Any
    _handle: ctypes.c_void_p

    def __init__(self) -> None:
        if sys.platform != "win32":
            raise OSError("only Windows has job objects")
        self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._kernel.OpenProcess.restype = ctypes.c_void_p
        self._resume = ctypes.WinDLL("ntdll").NtResumeProcess
        self._handle = ctypes.c_void_p(self._kernel.CreateJobObjectW(None, None))

    def take(self, process: int) -> None:
        """Take in a process that was created suspended, and let it run. Raises OSError."""
        handle = ctypes.c_void_p(self._kernel.OpenProcess(_RIGHTS, False, process))
        try:
            # Where a job may hold no other, the program runs outside.
            self._kernel.AssignProcessToJobObject(self._handle, handle)
            if self._resume(handle):
                raise OSError("the program cannot be started")
        finally:
            self._kernel.CloseHandle(handle)

    def end(self) -> None:
        """End all processes of the job."""
        self._kernel.TerminateJobObject(self._handle, _ENDED)

    def close(self) -> None:
        """Let go of the job; its processes go on."""
        self._kernel.CloseHandle(self._handle)


def run_windows_program(
    argv: Sequence[str], environ: Mapping[str, str], limit: float, largest: int
) -> tuple[int, list[bytes]]:
    """Run ``argv`` for at most ``limit`` seconds; return its exit code, stdout and stderr.

    Raises OSError if it cannot be started or prints more than ``largest`` bytes, and TimeoutError
    when the limit passes. Then, and at an exception, the program ends with all that it has started.
    """
    try:
        line = command_line(argv)
    except ValueError as error:
        raise OSError(str(error)) from error
    # NOTE: a batch file must not find the programs that it calls in the current folder.
    variables = {**environ, "NoDefaultCurrentDirectoryInExePath": "1"}
    process: subprocess.Popen[bytes] | None = None
    with contextlib.closing(_Job()) as job:
        try:
            with _ctrl_c_afterwards():
                process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=variables,
                    creationflags=_CREATION_FLAGS,
                )
            job.take(process.pid)
            return _finished(process, limit, largest)
        except BaseException:
            job.end()
            if process is not None:
                process.kill()
                process.wait()
            raise


@contextlib.contextmanager
def _ctrl_c_afterwards() -> Iterator[None]:
    """Let Ctrl-C interrupt this thread at the end only, when a process that has begun is known."""
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual) or threading.current_thread() is not threading.main_thread():
        yield  # it does not interrupt this thread
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if pressed:
            usual(signal.SIGINT, None)


def _finished(
    process: subprocess.Popen[bytes], limit: float, largest: int
) -> tuple[int, list[bytes]]:
    """Wait for a program's end; as ``run_windows_program``, but end nothing."""
    deadline = time.monotonic() + limit
    outputs = [b"", b""]
    too_much = threading.Event()

    def read(number: int, pipe: IO[bytes]) -> None:
        with pipe:
            # Reading one byte too many tells that there is more than may be.
            outputs[number] = pipe.read(largest + 1)
        if len(outputs[number]) > largest:
            too_much.set()

    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
    readers = [
        threading.Thread(target=read, args=numbered, daemon=True) for numbered in enumerate(pipes)
    ]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers) and not too_much.is_set():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer after {limit:g} s")
        readers[0].join(_PAUSE)
        readers[1].join(_PAUSE)
    if too_much.is_set():
        raise OSError("it prints more than any token")
    try:
        return process.wait(max(0.0, deadline - time.monotonic())), outputs
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer after {limit:g} s") from None


def command_line(argv: Sequence[str]) -> str:
    """Return the text that starts ``argv``, so that each argument arrives as it is.

    NOTE: an argument may come from a kubeconfig or a server, and must not be a command of its own.
    Raises ValueError for a batch file whose argument has a line end, for which cmd.exe has no
    quotes.
    """
    # Windows drops blanks and dots at the end of a file's name.
    if ntpath.splitext(argv[0].rstrip(" ."))[1].lower() not in _BATCH_FILES:
        return subprocess.list2cmdline(argv)
    if _LINE_ENDS.intersection("".join(argv)):
        raise ValueError("a batch file takes no argument with a line end")
    return " ".join(map(_quoted, argv))


def _quoted(word: str) -> str:
    """Return a word in quotes, as cmd.exe and the program that it starts read them."""
    # Backslashes before a quote would escape it for that program.
    inner = re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + found[2] * 2, word)
    return '"' + inner.replace("%", _PERCENT) + '"'
