"""Run the installed command under a fault, and say how it ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from harness import Program

# Seconds. No cell may take longer, whatever fails; the flags of the calls limit them to less.
LONGEST = 30.0
WORDS = {
    0: "works",
    130: "interrupted",
    143: "ended",
    -2: "ended",
    -15: "ended",
    -9: "ended",
    -13: "ended",
}


@dataclass(frozen=True)
class Outcome:
    """How one call ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    needs_stdout: bool = True

    @property
    def word(self) -> str:
        """The word of a table: works, ended, or the exit code of an error."""
        return WORDS.get(self.code, f"error {self.code}")

    def check(self) -> None:
        """A bounded time, and success or one error with one hint; never a traceback."""
        assert self.seconds < LONGEST, self
        assert "Traceback" not in self.stderr, self
        if self.code == 0:
            assert self.stdout or not self.needs_stdout, self
        elif self.word != "ended":
            lines = [line for line in self.stderr.splitlines() if not line.startswith("warning: ")]
            assert [line.partition(":")[0] for line in lines] == ["error", "hint"], self
            assert self.code != 1, self


def run(
    program: Program,
    *words: str,
    environ: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
    during: Callable[[subprocess.Popen[bytes]], object] | None = None,
    **streams: Any,
) -> Outcome:
    """Run the command; ``before`` runs in the child, ``during`` beside it."""
    begun = time.monotonic()
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(
        [*program.command, *words],
        env={**program.environ, **(environ or {})},
        preexec_fn=before,  # nothing else runs in this process
        start_new_session=True,
        **{**given, **streams},
    )
    if during is not None:
        during(process)
    stdout, stderr = process.communicate(timeout=2 * LONGEST)
    return Outcome(
        process.returncode,
        (stdout or b"").decode(),
        (stderr or b"").decode(),
        time.monotonic() - begun,
        needs_stdout=process.stdout is not None,
    )


def everyday(values: Iterable[str], often: Collection[str]) -> list[Any]:
    """Return parameters for a test; those that are not in ``often`` run with --run-slow only."""
    return [pytest.param(v, marks=[] if v in often else [pytest.mark.slow]) for v in values]


def limit(what: int, amount: int) -> Callable[[], None]:
    """Return what sets one of the child's limits (RLIMIT_…)."""

    def set_limit() -> None:
        import resource

        resource.setrlimit(what, (amount, amount))

    return set_limit


def close(*descriptors: int) -> Callable[[], None]:
    """Return what closes standard streams in the child."""

    def close_them() -> None:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    return close_them
