"""Run a program that signs in for us, and explain its failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubeauth.errors import ToolError
from kubeauth.record import Record
from kubeauth.sanitize import sanitized
from kubeauth.system import System

__all__ = ["Advice", "last_line", "output_of"]


class Advice(Record):
    """The hints for the ways in which a program can fail.

    ``failed`` takes the program's error text, one line, and returns the hint.
    """

    not_started: str
    too_slow: str
    failed: Callable[[str], str]


def output_of(
    argv: Sequence[str],
    system: System,
    *,
    environ: Mapping[str, str],
    limit: float,
    what: str,
    shown: str,
    advice: Advice,
    complaint_in: Callable[[str], str],
) -> str:
    """Run ``argv`` for at most ``limit`` seconds and return its stdout.

    ``what`` begins each error, ``shown`` is the command as an error names it. ``complaint_in``
    finds the line of stderr that says what failed. Raises ToolError.
    """
    try:
        done = system.run_program(argv, environ=environ, limit=limit)
    except TimeoutError as error:
        raise ToolError(f"{what}: {shown}: {error}", hint=advice.too_slow) from error
    except OSError as error:
        raise ToolError(
            f"{what}: {argv[0]} cannot be run ({error.strerror or error})", hint=advice.not_started
        ) from error
    if done.returncode:
        complaint = sanitized(complaint_in(done.stderr))
        raise ToolError(
            f"{what}: {shown} failed with exit code {done.returncode}"
            + (f" ({complaint})" if complaint else ""),
            hint=advice.failed(complaint),
        )
    return done.stdout


def last_line(text: str) -> str:
    """Return the last line that is not blank, "" if there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or [""])[-1]
