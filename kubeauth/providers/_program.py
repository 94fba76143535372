"""Run a program that signs in for us, and explain its failures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from kubeauth.errors import ToolError
from kubeauth.log import Logger
from kubeauth.record import Record
from kubeauth.sanitize import sanitized
from kubeauth.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["Advice", "beginning_of", "json_object_with", "last_line", "output_of"]

logger = Logger(__name__)

# Each brace is tried, and each try may read all of the text.
_MOST_OBJECTS: Final = 100
# Characters of an answer that cannot be read.
_SHOWN: Final = 60


class Advice(Record):
    """The hints for the ways in which a program can fail.

    ``failed`` takes the program's stderr and returns the hint.
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
    begun = time.monotonic()
    try:
        done = system.run_program(argv, environ=environ, limit=limit)
    except TimeoutError as error:
        raise ToolError(f"{what}: {shown}: {error}", hint=advice.too_slow) from error
    except OSError as error:
        raise ToolError(
            f"{what}: {argv[0]} cannot be run ({error.strerror or error})", hint=advice.not_started
        ) from error
    # NOTE: without the arguments, which are not all ours.
    seconds = time.monotonic() - begun
    logger.info(
        "%s: %s took %.1f s and ended with exit code %s", what, argv[0], seconds, done.returncode
    )
    if done.returncode:
        complaint = sanitized(complaint_in(done.stderr))
        raise ToolError(
            f"{what}: {shown} failed with exit code {done.returncode}"
            + (f" ({complaint})" if complaint else ""),
            hint=advice.failed(done.stderr),
        )
    return done.stdout


def json_object_with(field: str, text: str) -> dict[str, Any]:
    """Return the first JSON object in ``text`` that has ``field``.

    Programs print warnings, escape sequences and other objects around their answer. Raises
    ValueError if there is no such object.
    """
    decoder = json.JSONDecoder()
    at = -1
    for _ in range(_MOST_OBJECTS):
        at = text.find("{", at + 1)
        if at < 0:
            break
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if field in found:
            return dict(found)
        at = end - 1
    raise ValueError(f"no JSON object with {field}")


def beginning_of(text: str) -> str:
    """Return the beginning of an answer that could not be read, for an error.

    NOTE: nothing of an answer in JSON, which may hold a token.
    """
    if not text.strip():
        return "it printed nothing"
    if "{" in text:
        return "it is not the JSON that belongs there"
    line = sanitized(text)
    return f"it begins with {line[:_SHOWN].rstrip()!r}"


def last_line(text: str) -> str:
    """Return the last line that is not blank, "" if there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or [""])[-1]
