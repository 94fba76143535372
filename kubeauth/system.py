"""The ports to the outside, so that a test can run everything else against another outside."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeauth.adapters.browsers import Opened
    from kubeauth.adapters.http import HttpSession
    from kubeauth.adapters.programs import Completed
    from kubeauth.adapters.terminal import Terminal

__all__ = ["System"]


class OpenSession(Protocol):
    """What ``kubeauth.adapters.http.open_session`` is."""

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
    ) -> HttpSession:
        """Open an HTTP session for one sign-in."""
        ...


class RunProgram(Protocol):
    """What ``kubeauth.adapters.programs.run_program`` is."""

    def __call__(
        self, argv: Sequence[str], *, environ: Mapping[str, str], limit: float
    ) -> Completed:
        """Run a program to its end."""
        ...


class OpenBrowser(Protocol):
    """What ``kubeauth.adapters.browsers.open_browser`` is."""

    def __call__(self, url: str, environ: Mapping[str, str], command: str = "") -> Opened | None:
        """Show a page to the person."""
        ...


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


def _environ() -> Mapping[str, str]:
    return dict(os.environ)


class System(Record):
    """What the library reads from and does to the world.

    ``now`` gives epoch seconds. ``prompt`` shows a text to the person who is to act, and is None
    where nobody is there to read it. ``caller`` names the process that wants the token, or nobody
    in particular. ``warn`` says, in one line, something that did not stop the work.
    ``open_browser`` shows a page, ``open_terminal`` lets the person paste a line; both give None
    where that cannot be. ``owns_process`` says that no other code runs in this process, so packages
    may be imported in part.
    """

    environ: Mapping[str, str] = field(default_factory=_environ)
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    open_session: OpenSession = _open_session
    run_program: RunProgram = _run_program
    open_browser: OpenBrowser = _open_browser
    open_terminal: Callable[[], Terminal | None] = _open_terminal
    prompt: Callable[[str], None] | None = None
    warn: Callable[[str], None] = _warn
    caller: str = ""
    owns_process: bool = False
