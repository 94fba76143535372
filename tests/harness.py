"""The installed program, run as a user would run it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import kubeauth_plugin
from kubeauth.testing import Simulator, User

WINDOWS = os.name == "nt"
# Outside an environment, Windows has the commands in a folder of their own.
BIN = Path(sysconfig.get_path("scripts")) if WINDOWS else Path(sys.executable).parent
KUBEAUTH = BIN / ("kubeauth.exe" if WINDOWS else "kubeauth")
# How convert-kubeconfig starts kubeauth where nothing else is asked for: Python itself on Windows.
STARTED_BY = (
    (sys.executable, "-I", "-S", str(Path(str(kubeauth_plugin.__file__)).with_name("__main__.py")))
    if WINDOWS
    else ("kubeauth",)
)
# Without these, no program starts on Windows, or none is found.
NEEDED_ON_WINDOWS = (
    "COMSPEC",
    "PATHEXT",
    "PROGRAMDATA",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
)


def is_wine() -> bool:
    """Return whether this Windows is Wine, which lacks some of it."""
    if sys.platform != "win32":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def not_on_windows(reason: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test on Windows."""
    return pytest.mark.skipif(WINDOWS, reason=reason)


not_in_wine = pytest.mark.skipif(is_wine(), reason="Wine trusts the certificates of strangers")


@dataclass(frozen=True)
class Ran:
    """How a program ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def status(self) -> dict[str, Any]:
        """The status of the ExecCredential on stdout."""
        assert self.code == 0, self.stderr
        status: dict[str, Any] = json.loads(self.stdout)["status"]
        return status

    @property
    def error(self) -> str:
        """The error line of a failure that looks as every failure has to."""
        lines = self.stderr.splitlines()
        assert self.code not in (0, 1), self
        assert self.stdout == "", self
        assert len(lines) == 2, self
        assert lines[0].startswith("error: "), self
        assert lines[1].startswith("hint: ") and lines[1] != "hint: ", self
        return lines[0]


@dataclass
class Program:
    """The installed ``kubeauth`` with an environment of its own and an empty home."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    command: tuple[str, ...] = (str(KUBEAUTH),)

    def __call__(self, *args: str, limit: float = 60, **environ: str) -> Ran:
        done = subprocess.run(
            [*self.command, *args],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=limit,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def get_token(self, *args: str, limit: float = 60, **environ: str) -> Ran:
        return self("get-token", *self.always, *args, limit=limit, **environ)

    @property
    def cache(self) -> Path:
        return self.home / ".kube" / "cache" / "kubeauth"


def mark_as_go(program: Path) -> None:
    """Add the name of Go's build information to an ELF program's sections, as Go's linker does.

    The name is what tells a client in Go (client-go) from others; the section itself is not needed.
    """
    data = bytearray(program.read_bytes())

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "little")

    names = number(40, 8) + number(58, 2) * number(62, 2)
    offset, size = number(names + 24, 8), number(names + 32, 8)
    longer = bytes(data[offset : offset + size]) + b".go.buildinfo\0"
    data[names + 24 : names + 40] = len(data).to_bytes(8, "little") + len(longer).to_bytes(
        8, "little"
    )
    program.write_bytes(data + longer)


@contextmanager
def approving(sim: Simulator, user: User) -> Iterator[None]:
    """Have somebody who approves every device code at once."""
    sim.device_code_interval = 1
    done = threading.Event()

    def approve() -> None:
        while not done.wait(0.1):
            for waiting in sim.pending_device_codes():
                sim.approve(waiting.user_code, user)

    person = threading.Thread(target=approve)
    person.start()
    try:
        yield
    finally:
        done.set()
        person.join()


def until(condition: Callable[[], object], limit: float = 30) -> None:
    """Wait until ``condition`` holds; fail after ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def posix_module(name: str) -> Any:
    """Import a module that Windows lacks; skip the test there."""
    return pytest.importorskip(name, reason="a test with a pseudo-terminal, which Windows lacks")


def basic_environ(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    usual = [r"C:\Windows\System32"] if WINDOWS else ["/usr/bin", "/bin"]
    path = os.pathsep.join([str(BIN), *usual])
    # `dev.py coverage` follows child processes by a variable.
    measuring = {name: os.environ[name] for name in os.environ if name.startswith("COVERAGE_")}
    needed = {name: os.environ[name] for name in NEEDED_ON_WINDOWS if name in os.environ}
    where = "USERPROFILE" if WINDOWS else "HOME"
    return {where: str(home), "PATH": path, **needed, **measuring, **(more or {})}


def as_command(words: Sequence[str]) -> str:
    """Return a command of these words, quoted as this system's users quote."""
    return subprocess.list2cmdline(words) if WINDOWS else shlex.join(words)


def noting_environ(file: Path) -> str:
    """Return code for ``install_program`` that writes its environment to ``file``, as `env` does.

    A waiting reader finds the whole file or none.
    """
    return (
        "import os\n"
        f"with open({str(file) + '.new'!r}, 'w', encoding='utf-8') as seen:\n"
        "    seen.writelines(f'{name}={value}\\n' for name, value in os.environ.items())\n"
        f"os.replace({str(file) + '.new'!r}, {str(file)!r})\n"
    )


def install_program(folder: Path, name: str, code: str) -> Path:
    """Write a program in Python that is called ``name`` on PATH; return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    if not WINDOWS:
        program = folder / name
        program.write_text(f"#!{sys.executable} -I\n{code}", encoding="utf-8")
        program.chmod(0o755)
        return program
    script = folder / f"{name}.py"
    script.write_text(code, encoding="utf-8")
    program = folder / f"{name}.cmd"
    program.write_text(f'@"{sys.executable}" -I "%~dp0{name}.py" %*\n')
    return program
