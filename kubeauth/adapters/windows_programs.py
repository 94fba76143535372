"""Running a program on Windows, and ending it with everything that it has started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

__all__ = ["run_windows_program"]


def run_windows_program(
    argv: Sequence[str], environ: Mapping[str, str], limit: float, largest: int
) -> tuple[int, list[bytes]]:
    """Run ``argv`` for at most ``limit`` seconds; return its exit code, stdout and stderr.

    Raises OSError if it cannot be started or prints more than ``largest`` bytes, and TimeoutError
    when the limit passes.
    """
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
    )
    outputs = [b"", b""]
    ended = threading.Event()

    def read(number: int, pipe: IO[bytes]) -> None:
        # Reading one byte too many tells that there is more than may be.
        outputs[number] = pipe.read(largest + 1)
        if len(outputs[number]) > largest:
            ended.set()

    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
    readers = [
        threading.Thread(target=read, args=numbered, daemon=True) for numbered in enumerate(pipes)
    ]

    def wait() -> None:
        process.wait()
        for reader in readers:
            reader.join()
        ended.set()

    for thread in (*readers, threading.Thread(target=wait, daemon=True)):
        thread.start()
    try:
        in_time = ended.wait(limit)
    except BaseException:
        _end(process)
        raise
    if not in_time or process.poll() is None:
        _end(process)
    if not in_time:
        raise TimeoutError(f"no answer after {limit:g} s")
    if any(len(output) > largest for output in outputs):
        raise OSError("it prints more than any token")
    return process.returncode, outputs


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children: `az` is a batch file, which starts Python."""
    taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
    with contextlib.suppress(OSError):
        subprocess.run(
            [taskkill, "/T", "/F", "/PID", str(process.pid)], capture_output=True, timeout=10
        )
    process.kill()
    process.wait()
