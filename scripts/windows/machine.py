"""A Windows in a folder: Debian's Wine with one CPython for Windows."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final

from forwarder import exported_names, forwarding_dll

__all__ = ["PYTHONS", "Machine", "Python", "windows_path"]

_MAVEN: Final = "https://repo1.maven.org/maven2/org/bytedeco/cpython"
# Seconds; on a busy machine Wine needs half a minute to make a prefix.
_PATIENCE: Final = 180
_IN_JAR: Final = "org/bytedeco/cpython/windows-x86_64/"
# Only these variables of ours have a meaning there; paths of Linux, as of certificates, have none.
_PASSED_ON: Final = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
)


@dataclass(frozen=True)
class Python:
    """A CPython for Windows on Maven Central: its version there, and its jar's SHA-256."""

    version: str
    sha256: str

    @property
    def minor(self) -> str:
        """Return the version as names of folders and DLLs have it, such as ``310``."""
        return "".join(self.version.split(".")[:2])


# The oldest and the newest that kubeauth supports and that start in Debian's Wine.
PYTHONS: Final = (
    Python("3.10.8-1.5.8", "1e7d342425c87184fbedd8754045db556c63765678a0f11b4539465642ab018b"),
    Python("3.14.3-1.5.13", "3291bf3d8f405335ac21dbe55780521fdfd295b0f9f43f7e6e8c55bedd709cb3"),
)


@dataclass(frozen=True)
class Machine:
    """A Wine prefix at ``prefix``, in which ``python`` is C:\\Python."""

    prefix: Path
    python: Python

    @property
    def drive(self) -> Path:
        """Return the folder that is C: there."""
        return self.prefix / "drive_c"

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment for ``wine``: without a desktop, with a home of its own."""
        mine = {
            "HOME": str(self.prefix / "home"),
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "WINEDEBUG": "-all",
            # Without these, Wine asks to download a .NET and a browser, or opens pages in ours.
            "WINEDLLOVERRIDES": "mscoree,mshtml,winebrowser.exe=",
            "WINEPREFIX": str(self.prefix),
            # Compiled files do not belong into the checkout.
            "PYTHONPYCACHEPREFIX": "C:\\compiled",
        }
        passed_on = {k: v for k, v in os.environ.items() if k.upper() in _PASSED_ON}
        return {**passed_on, **mine}

    def run(self, *command: str, **more: str) -> int:
        """Run a program of Windows, show what it prints, and return its exit code.

        A program there cannot start if one of its streams is a regular file, so all are pipes.
        """
        with subprocess.Popen(
            ["wine", *command],
            env={**self.environ, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdin and process.stdout
            process.stdin.close()
            for line in process.stdout:
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                print(f"{self.python.version} | {text}" if text else "", flush=True)
            return process.wait()

    def run_python(self, *arguments: str, **more: str) -> int:
        """Run C:\\Python\\python.exe; as ``run``."""
        return self.run("C:\\Python\\python.exe", *arguments, **more)

    def make(self, downloads: Path) -> None:
        """Make the prefix, with what this Wine and this Python lack; raises OSError."""
        shutil.rmtree(self.prefix, ignore_errors=True)
        Path(self.environ["HOME"]).mkdir(parents=True)
        self.start()
        self._quietly("winecfg", "-v", "win10")
        # A crash would print hundreds of lines.
        debugger = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug"
        self._quietly("reg", "add", debugger, "/v", "Debugger", "/d", "false", "/f")
        path = r"C:\Python\Scripts;C:\Python"
        self._quietly("reg", "add", r"HKCU\Environment", "/v", "PATH", "/d", path, "/f")
        self._unpack(downloads)
        self._add_missing()

    def start(self) -> None:
        """Start the processes that stay while programs run; ``stop`` ends them."""
        self._quietly_start("wineserver", "-p")
        self._quietly("wineboot")

    def stop(self) -> None:
        """End every process of this prefix."""
        self._quietly_start("wineserver", "-k")
        self._quietly_start("wineserver", "-w")

    def _quietly(self, *command: str) -> None:
        self._quietly_start("wine", *command)

    def _quietly_start(self, *command: str) -> None:
        # What stays must not hold a pipe whose end somebody waits for.
        subprocess.run(
            command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=_PATIENCE,
        )

    def _unpack(self, downloads: Path) -> None:
        jar = _downloaded(self.python, downloads)
        target = self.drive / "Python"
        with zipfile.ZipFile(jar) as archive:
            members = [n for n in archive.namelist() if n.startswith(_IN_JAR)]
            archive.extractall(self.prefix / "jar", members)
        (self.prefix / "jar" / _IN_JAR).rename(target)
        shutil.rmtree(self.prefix / "jar")
        shutil.rmtree(target / "lib" / "test", ignore_errors=True)

    def _add_missing(self) -> None:
        python = self.drive / "Python"
        # Wheels for the stable ABI (cryptography's) load python3.dll, which the jar lacks.
        whole = f"python{self.python.minor}"
        names = exported_names(python / f"{whole}.dll")
        forwards = {name: f"{whole}.{name}" for name in names}
        (python / "python3.dll").write_bytes(forwarding_dll("python3.dll", forwards))
        # kubectl (Go) takes random numbers from a DLL that this Wine lacks.
        (self.drive / "windows" / "system32" / "bcryptprimitives.dll").write_bytes(
            forwarding_dll("bcryptprimitives.dll", {"ProcessPrng": "advapi32.SystemFunction036"})
        )
        # Python's `platform` ends the process here: this Wine lacks a function that _wmi calls.
        (python / "lib" / "_wmi.pyd").unlink(missing_ok=True)


def windows_path(path: Path) -> str:
    """Return the path by which a program under Wine reaches a file of this machine."""
    return str(PureWindowsPath(f"Z:{path}"))


def _downloaded(python: Python, folder: Path) -> Path:
    """Return the jar in ``folder``, fetched if it is missing; raises OSError."""
    name = f"cpython-{python.version}-windows-x86_64.jar"
    jar = folder / name
    if not jar.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = jar.with_suffix(".partial")
        url = f"{_MAVEN}/{python.version}/{name}"
        with urllib.request.urlopen(url, timeout=120) as answer, partial.open("wb") as file:
            shutil.copyfileobj(answer, file)
        partial.replace(jar)
    found = hashlib.sha256(jar.read_bytes()).hexdigest()
    if found != python.sha256:
        jar.unlink()
        raise OSError(f"{name} has the SHA-256 {found}, not {python.sha256}")
    return jar
