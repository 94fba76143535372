"""Run the tests on Windows, played by Wine: what `python3 dev.py windows` does.

Each CPython for Windows has a Wine prefix of its own, which is kept outside the checkout and made
anew when this folder or pyproject.toml changes. `--all` runs tests/kubeauth and tests/plugin whole;
other arguments go on to pytest. Without Wine, say why and end with 0.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from machine import PYTHONS, Machine, windows_path

ROOT: Final = Path(__file__).resolve().parents[2]
# What the marked tests import; pyproject.toml has the reasons.
_TEST_TOOLS: Final = (
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "pytest-timeout>=2.3",
    "hypothesis>=6.100",
    "responses>=0.25",
    "filelock>=3.16",
)
_PACKAGES: Final = ("wine", "wine64")
_STAMP: Final = "ready"
# Programs, and files that many examples write, take several times as long as on Linux; seconds.
_EVERYTHING: Final = ("--timeout=900", "tests/kubeauth", "tests/plugin")


def main(arguments: list[str]) -> int:
    """Run the tests on each Python; return the highest exit code."""
    reason = _missing_wine()
    if reason:
        print(f"windows: skipped, {reason}")
        return 0
    everything = "--all" in arguments
    wanted = [each for each in arguments if each != "--all"]
    tests = [*_EVERYTHING] if everything else ["-m", "windows", "tests/windows"]
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "lock"), tempfile.TemporaryDirectory() as folder:
        wheel = _built_wheel(Path(folder))
        pythons = PYTHONS[-1:] if everything else PYTHONS
        machines = [Machine(cache / f"python{each.minor}", each) for each in pythons]
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(_test, each, cache, wheel, [*tests, *wanted]) for each in machines]
            try:
                return max(run.result() for run in runs)
            finally:  # after Ctrl-C, too; the threads wait for what this ends
                for machine in machines:
                    machine.stop()


def _test(machine: Machine, cache: Path, wheel: Path, arguments: list[str]) -> int:
    _prepare(machine, cache)
    code = _install(machine, "--no-deps", "--force-reinstall", windows_path(wheel))
    return code or machine.run(
        r"C:\Python\Scripts\pytest.exe", "-n1", "-q", "-p", "no:cacheprovider", *arguments
    )


def _prepare(machine: Machine, cache: Path) -> None:
    """Start a machine, and give it everything but kubeauth itself; raises OSError."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    stamp = machine.prefix / _STAMP
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        machine.start()
        return
    machine.stop()
    machine.make(cache)
    if _install(machine, *_requirements(), *_TEST_TOOLS):
        raise OSError("pip cannot install what the tests need")
    stamp.write_text(digest.hexdigest())


def _requirements() -> list[str]:
    """Return what kubeauth and its extras for the demo and QR codes need, from its metadata."""
    from importlib.metadata import requires

    listed = [each.partition(";") for each in requires("kubeauth") or ()]
    wanted = ("", 'extra == "demo"', "extra == 'demo'", 'extra == "qr"', "extra == 'qr'")
    return [name.strip() for name, _, marker in listed if marker.strip() in wanted]


def _install(machine: Machine, *arguments: str) -> int:
    certificates = windows_path(Path("/etc/ssl/certs/ca-certificates.crt"))
    quiet = ("--quiet", "--disable-pip-version-check", "--no-warn-script-location")
    return machine.run_python("-m", "pip", "install", *quiet, "--cert", certificates, *arguments)


def _built_wheel(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*pip, str(ROOT)], check=True, env={**os.environ, "KUBEAUTH_WHEEL": "windows"})
    return next(folder.glob("*.whl"))


def _missing_wine() -> str:
    """Install Debian's Wine if this user may; return why there is none, or ""."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "Wine runs programs for x64 only on Linux on x64"
    if shutil.which("wine") and shutil.which("wineserver"):
        return ""
    if os.geteuid() or not shutil.which("apt-get"):
        return f"there is no Wine; `apt-get install {' '.join(_PACKAGES)}` has it"
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *_PACKAGES]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        return f"apt-get cannot install Wine: {(done.stderr.splitlines() or ['?'])[-1]}"
    return ""


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(root) / "kubeauth-dev" / "windows"


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait for another run on this machine: a prefix is for one at a time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
