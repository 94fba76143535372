"""Find the program that opens a person's browser, and start it without waiting for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from kubeauth import _env
from kubeauth.adapters.child_environ import for_browser
from kubeauth.adapters.programs import find_program, split_command

__all__ = ["Opened", "can_open_browser", "open_browser"]

# The commands that open an address in the person's own browser, by system.
_MACOS: Final = (("open",),)
_WSL: Final = (
    ("wslview",),
    ("rundll32.exe", "url.dll,FileProtocolHandler"),
    ("/mnt/c/Windows/System32/rundll32.exe", "url.dll,FileProtocolHandler"),
)
_DESKTOP: Final = (
    ("xdg-open",),
    ("sensible-browser",),
    ("x-www-browser",),
    ("firefox",),
    ("chromium",),
    ("google-chrome",),
)
_WINDOWS: Final = (("rundll32.exe", "url.dll,FileProtocolHandler"),)


class Opened(Protocol):
    """A program that was started to show a page."""

    def poll(self) -> int | None:
        """Return the program's exit code; None while it runs."""
        ...


def open_browser(url: str, environ: Mapping[str, str], command: str = "") -> Opened | None:
    """Start a browser at ``url`` without waiting for it; return None if no program starts.

    ``command`` is a program and its arguments, in which ``%s`` stands for the address; without a
    ``%s`` the address comes last. Without a command, use the variable BROWSER, which may name
    several, else the system's programs. NOTE: no shell reads the address. The browser's output is
    discarded, since stdout is for the credential.
    """
    for argv in _candidates(environ, command):
        words = [word.replace("%s", url) for word in argv]
        if words == list(argv):
            words.append(url)
        try:
            process = subprocess.Popen(
                _started_by(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=for_browser(environ),
                # Ctrl-C ends the wait, not the browser with all its windows.
                start_new_session=os.name == "posix",
            )
        except (OSError, ValueError):
            continue
        # Without a wait, a long-lived program that uses the library would collect zombie processes.
        threading.Thread(target=process.wait, daemon=True).start()
        return process
    return None


def _started_by(words: list[str]) -> list[str] | str:
    """Return a command as the system wants it; raises ValueError for one that it cannot start."""
    if os.name != "nt":
        return words
    from kubeauth.adapters.windows_programs import command_line

    return command_line(words)


def can_open_browser(environ: Mapping[str, str], command: str = "") -> bool:
    """Return whether ``open_browser`` would find a program to start."""
    return next(_candidates(environ, command), None) is not None


def _candidates(environ: Mapping[str, str], command: str) -> Iterator[Sequence[str]]:
    if command:
        named = [command]
    else:
        named = [c for c in environ.get(_env.BROWSER, "").split(os.pathsep) if c]
    for text in named:
        try:
            words = split_command(text.strip().removesuffix("&"))
        except ValueError:
            continue
        # NOTE: the system would look for a bare name in the current folder (Windows), or in a
        # relative folder on PATH.
        if words and not os.path.dirname(words[0]):
            words[0] = find_program(words[0], environ)
        if words and words[0]:
            yield words
    if named:
        return
    for name, *arguments in _of_the_system(environ):
        program = find_program(name, environ)
        if program:
            yield [program, *arguments]


def _of_the_system(environ: Mapping[str, str]) -> Sequence[Sequence[str]]:
    """Return the programs that may open pages; none if the person sits at another machine."""
    if os.name == "nt":
        return _WINDOWS
    if any(environ.get(name) for name in ("WSL_DISTRO_NAME", "WSL_INTEROP")):
        return _WSL + _DESKTOP
    display = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    if sys.platform == "darwin":
        return () if environ.get("SSH_CONNECTION") else _MACOS
    return _DESKTOP if display else ()
