"""The single-file program: kubeauth and all it needs, for many Pythons, behind one small start.

uv picks and checks the wheels, and unpacks them as an installation would. What several targets have
in common is stored once, by digest. docs/architecture.md says why it is not made with pex or shiv.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PARTS: Final = Path(__file__).resolve().parent / "pyz"
PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")
# By the names that pyz/__main__.py gives them; glibc of 2014 (2.17) and newer.
PLATFORMS: Final = {
    "x86_64-glibc": "x86_64-manylinux2014",
    "aarch64-glibc": "aarch64-manylinux2014",
    "x86_64-musl": "x86_64-unknown-linux-musl",
    "aarch64-musl": "aarch64-unknown-linux-musl",
}
# Compiled modules without which nothing works. The others (of PyYAML and charset-normalizer) only
# make faster what Python does as well, and would double the size.
NEEDED: Final = ("cryptography/", "_cffi_backend.")
# What installers note for themselves, among it this machine's paths.
NOTES: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")


def write_program(file: Path, lock: Path, wheels: Path) -> None:
    """Write the program to ``file``, with what ``lock`` lists; ``wheels`` has what no index has.

    Raises CalledProcessError if a wheel is missing or is not the one that was locked.
    """
    contents: dict[str, bytes] = {}
    lists: dict[str, str] = {}
    for platform, wanted in PLATFORMS.items():
        stable: dict[str, bytes] = {}
        for python in PYTHONS:
            lines = []
            with tempfile.TemporaryDirectory() as folder:
                install(Path(folder), lock, wheels, python, wanted)
                for name, found in files(Path(folder)):
                    # What the oldest Python has of the stable interface is good for all.
                    content = stable.setdefault(name, found) if ".abi3." in name else found
                    digest = hashlib.sha256(content).hexdigest()
                    contents[digest] = content
                    lines.append(f"{digest} {name}\n")
            lists[f"cpython-{python.replace('.', '')}-{platform}"] = "".join(lines)
    payload = io.BytesIO()
    with zipfile.ZipFile(payload, "w") as archive:
        for name, text in lists.items():
            add(archive, name, text.encode())
        for digest in sorted(contents):
            add(archive, digest, contents[digest])
    assemble(file, payload.getvalue())


def install(folder: Path, lock: Path, wheels: Path, python: str, platform: str) -> None:
    """Put what ``lock`` lists for a Python and a platform into a folder."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config"]
    command += ["--target", str(folder), "--python-version", python, "--python-platform", platform]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--link-mode", "copy", "--find-links", str(wheels), "--requirements", str(lock)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Return the files that belong into the program, with their contents, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        compiled = path.suffix == ".so" and not name.startswith(NEEDED)
        own = name.startswith(("bin/", ".")) or path.name in NOTES
        if path.is_file() and not compiled and not own:
            yield name, path.read_bytes()


def assemble(file: Path, payload: bytes) -> None:
    """Write the program: the shell's lines, then a zip that Python can run."""
    parts = {path.name: path.read_text() for path in sorted(PARTS.iterdir()) if path.is_file()}
    seed = payload + "".join(parts.values()).encode()
    digest = hashlib.sha256(seed).hexdigest()[:20]
    parts = {name: text.replace("@DIGEST@", digest) for name, text in parts.items()}
    with file.open("wb") as out:
        out.write(parts.pop("header.sh").encode())
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in parts.items():
                add(archive, name, text.encode(), zipfile.ZIP_STORED)
            add(archive, "payload.zip", payload, zipfile.ZIP_STORED)
    file.chmod(0o755)


def add(
    archive: zipfile.ZipFile, name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED
) -> None:
    """Add a file with the oldest date of the zip format, so that each build has the same bytes."""
    archive.writestr(zipfile.ZipInfo(name), content, method, 9)
