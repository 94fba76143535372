"""A program that starts exec plugins: how it is built, once, outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Client", "Missing", "build", "folder_of", "needed"]


class Missing(Exception):
    """A client cannot be had here; the text says why."""


@dataclass(frozen=True)
class Client:
    """One client. ``prepare`` builds it once and gives its command; raises `Missing`.

    ``kinds`` are the versions of the exec interface that the client takes. ``shows`` is on stdout
    if it got an answer. One that ``hides_failures`` ends with 0 after a failed sign-in, too;
    one that ``hides_errors`` may not show what the plugin says. One that ``asks_again`` sends a
    request anew after a rejected token.
    """

    name: str
    version: str
    prepare: Callable[[], list[str]]
    kinds: tuple[str, ...] = ("v1beta1", "v1")
    shows: str = "node-0"
    hides_failures: bool = False
    hides_errors: bool = False
    asks_again: bool = False


def folder_of(name: str) -> Path:
    """Return the folder of a client's build, made if it is missing."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "kubeauth-dev" / "clients" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def needed(program: str) -> str:
    """Return a program's path; raises `Missing`."""
    found = shutil.which(program)
    if found is None:
        raise Missing(f"there is no {program} on this machine")
    return found


def build(command: list[str], folder: Path, **environ: str) -> str:
    """Run one command of a build and return what it prints; raises `Missing`."""
    full = [needed(command[0]), *command[1:]]
    done = subprocess.run(
        full, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Missing(f"{command[0]} could not build it: {last}")
    return done.stdout
