"""Everything the library uses of the outside world, so that tests can hand in doubles."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from kubeauth.record import Record, field
from kubeauth.secret import Variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Protocol

    from kubeauth.adapters.browsers import Opened
    from kubeauth.adapters.http import HttpSession
    from kubeauth.adapters.programs import Completed
    from kubeauth.adapters.terminal import Terminal

    class OpenSession(Protocol):
        """The signature of ``kubeauth.adapters.http.open_session``."""

        def __call__(
            self,
            *,
            environ: Mapping[str, str],
            ca_file: str = "",
            limit: float | None = None,
            connect_limit: float | None = None,
            read_limit: float | None = None,
            machine: bool = False,
            imds: bool = False,
            largest: int | None = None,
        ) -> HttpSession:
            """Open an HTTP session for one sign-in."""
            ...

    class RunProgram(Protocol):
        """The signature of ``kubeauth.adapters.programs.run_program``."""

        def __call__(
            self, argv: Sequence[str], *, environ: Mapping[str, str], limit: float
        ) -> Completed:
            """Run a program to its end."""
            ...

    class OpenBrowser(Protocol):
        """The signature of ``kubeauth.adapters.browsers.open_browser``."""

        def __call__(
            self, url: str, environ: Mapping[str, str], command: str = ""
        ) -> Opened | None:
            """Show a page to the person."""
            ...


__all__ = ["System"]


# Imported when used: a cached token needs neither the network nor another program.
def _open_session(
    *,
    environ: Mapping[str, str],
    ca_file: str = "",
    limit: float | None = None,
    connect_limit: float | None = None,
    read_limit: float | None = None,
    machine: bool = False,
    imds: bool = False,
    largest: int | None = None,
) -> HttpSession:
    from kubeauth.adapters.http import open_session

    return open_session(
        environ=environ,
        ca_file=ca_file,
        limit=limit,
        connect_limit=connect_limit,
        read_limit=read_limit,
        machine=machine,
        imds=imds,
        largest=largest,
    )


def _run_program(argv: Sequence[str], *, environ: Mapping[str, str], limit: float) -> Completed:
    from kubeauth.adapters.programs import run_program

    return run_program(argv, environ=environ, limit=limit)


def _open_browser(url: str, environ: Mapping[str, str], command: str = "") -> Opened | None:
    from kubeauth.adapters.browsers import open_browser

    return open_browser(url, environ, command)


def _open_terminal() -> Terminal | None:
    from kubeauth.adapters.terminal import open_terminal

    return open_terminal()


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)  # noqa: T201


_PROCESS: Final = os.urandom(8).hex()


def _unattended_process() -> str:
    """Return a name of this process, or "" if a person at a terminal started it."""
    streams = (sys.stdin, sys.stderr)
    try:
        attended = all(stream is not None and stream.isatty() for stream in streams)
    except ValueError:  # it is closed
        attended = False
    return "" if attended else _PROCESS


def _environ() -> Mapping[str, str]:
    return dict(os.environ)


class System(Record):
    """Everything the library uses of the outside world.

    ``now`` returns epoch seconds; ``sleep`` takes seconds. ``prompt`` shows a text to the person
    who has to act; None says that no person can read it. ``progress`` shows a line of text in place
    of its last one, "" to clear it; None where that is impossible. ``purpose`` tells the person
    what the sign-in is for ("context 'prod'"); "" if only the server id is known. ``caller`` names
    the Kubernetes client that asks for a token; "" if it is not known. ``process`` names the
    process that calls, if it has no person at a terminal and may repeat its call for ever: its
    pause after a refusal grows; "" otherwise. ``warn`` prints one line about a problem that did not
    stop the work. ``open_browser`` shows a page, ``open_terminal`` lets the
    person paste a line; both return None where that is impossible. ``owns_process`` says that no
    other code runs in this process, so the library may import packages in part.
    """

    # NOTE: the environment may hold secrets, so ``repr`` does not show it.
    environ: Mapping[str, str] = field(default_factory=_environ, repr=False)
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    open_session: OpenSession = _open_session
    run_program: RunProgram = _run_program
    open_browser: OpenBrowser = _open_browser
    open_terminal: Callable[[], Terminal | None] = _open_terminal
    prompt: Callable[[str], None] | None = None
    progress: Callable[[str], None] | None = None
    purpose: str = ""
    warn: Callable[[str], None] = _warn
    caller: str = ""
    process: str = field(default_factory=_unattended_process)
    owns_process: bool = False

    def __post_init__(self) -> None:
        """Have the environment's values show nowhere."""
        if not isinstance(self.environ, Variables):
            object.__setattr__(self, "environ", Variables(self.environ))

    def show_time_left(self, waiting_for: str, deadline: float) -> None:
        """Where lines can be replaced, show how much time is left until ``deadline`` (epoch s)."""
        if self.progress is not None:
            left = max(0, int(deadline - self.now()))
            self.progress(f"waiting for {waiting_for}, {left // 60}:{left % 60:02} left")

    def clear_progress(self) -> None:
        """Remove the line that ``progress`` has shown."""
        if self.progress is not None:
            self.progress("")
