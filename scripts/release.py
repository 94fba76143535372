"""Build a release: `python scripts/release.py [--out dist] [--dirty]`.

Needs git, and the packages build and uv (the extra ``dev`` has them). Writes into an empty folder:

    kubeauth-VERSION.tar.gz                 the sdist
    kubeauth-VERSION-py3-none-any.whl       the wheel for Linux and macOS
    kubeauth-VERSION-py3-none-win….whl      the one for Windows; pip takes it there
    kubeauth-VERSION-requirements.txt       all that is to be installed, kubeauth too, with hashes
    kubeauth-VERSION.pyz                    the same in one file that runs without installing
    SHA256SUMS

The same commit gives the same bytes: every date in them is the commit's, or none.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from single_file import write_program

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "examples" / "pipelines" / "install" / "requirements.txt"


class ReleaseError(Exception):
    """Why there is no release; ``hint`` is the next step."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description="Build a release.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="an empty folder [dist]")
    parser.add_argument("--dirty", action="store_true", help="take what is not committed, too")
    options = parser.parse_args()
    try:
        check(options.out, dirty=options.dirty)
        for file in build(options.out.resolve()):
            print(f"{file.stat().st_size:>10}  {file.name}")
    except ReleaseError as error:
        print(f"error: release: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


def check(out: Path, *, dirty: bool) -> None:
    """Raise ReleaseError where something is missing or in the way."""
    missing = [name for name in ("build", "uv") if find_spec(name) is None]
    if missing:
        raise ReleaseError(
            f"this Python has no {' and no '.join(missing)}",
            hint="run it with the project's own: `.venv/bin/python scripts/release.py`",
        )
    changed = output(["git", "status", "--porcelain"]).splitlines()
    if changed and not dirty:
        raise ReleaseError(
            f"{len(changed)} files are not committed, {changed[0][3:]} for one",
            hint="commit or remove them; --dirty takes them as they are",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ReleaseError(f"{out} is not an empty folder", hint="empty it, or use another --out")


def build(out: Path) -> list[Path]:
    """Write the release and return its files; raises ReleaseError."""
    out.mkdir(parents=True, exist_ok=True)
    # As pip does: the index may be a mirror with certificates that only this machine knows.
    os.environ.setdefault("UV_SYSTEM_CERTS", "true")
    os.environ["SOURCE_DATE_EPOCH"] = output(["git", "log", "-1", "--format=%ct"]).strip()
    command = [sys.executable, "-m", "build", "--outdir", str(out)]
    for system, kinds in (("posix", ["--sdist", "--wheel"]), ("windows", ["--wheel"])):
        os.environ["KUBEAUTH_WHEEL"] = system  # hatch_build.py reads it
        output([*command, *kinds, str(ROOT)])
    wheels = sorted(out.glob("*.whl"))
    name, version = wheels[0].name.split("-")[:2]
    lock = out / f"{name}-{version}-requirements.txt"
    hashes = "".join(f" \\\n    --hash=sha256:{digest(wheel)}" for wheel in wheels)
    lock.write_text(f"{LOCK.read_text()}{name}=={version}{hashes}\n")
    try:
        write_program(out / f"{name}-{version}.pyz", lock, out)
    except subprocess.CalledProcessError as error:
        raise failure(error) from error
    files = sorted(out.iterdir())
    sums = out / "SHA256SUMS"
    sums.write_text("".join(f"{digest(file)}  {file.name}\n" for file in files))
    return [*files, sums]


def digest(file: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def output(command: Sequence[str]) -> str:
    """Run a command here and return what it prints; raises ReleaseError where it fails."""
    try:
        return subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
        ).stdout
    except subprocess.CalledProcessError as error:
        raise failure(error) from error
    except OSError as error:
        raise ReleaseError(f"cannot run {command[0]}: {error}", hint="install it") from error


def failure(error: subprocess.CalledProcessError) -> ReleaseError:
    """Say which program failed, with the last line that it said."""
    said = (error.stderr or error.stdout or "").strip().splitlines()
    program = " ".join(error.cmd[1:3] if error.cmd[0] == sys.executable else error.cmd[:2])
    reason = said[-1] if said else f"exit code {error.returncode}"
    return ReleaseError(f"{program}: {reason}", hint="run it alone to see all that it says")


if __name__ == "__main__":
    sys.exit(main())
