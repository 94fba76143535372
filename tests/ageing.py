"""A cache that gets older at once, and the renewals in the background that this causes."""

from __future__ import annotations

import os
from pathlib import Path

from harness import Program

from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth_plugin import _ahead, _hot


def age(cache: Path, seconds: float = 60) -> None:
    """Make the cached token older; a token just obtained never counts as rejected."""
    for file in cache.glob("*.token.json"):
        fields = unpacked(file.read_bytes())
        fields["obtained_on"] -= seconds
        file.write_bytes(packed(fields))
    for file in [*cache.glob("*.hot"), *cache.glob("*.asked")]:
        file.unlink()


def grow_older(program: Program, seconds: float) -> None:
    """Move every time in the cache back, as if ``seconds`` had passed."""
    for file in program.cache.glob("*.token.json"):
        fields = unpacked(file.read_bytes())
        for name in ("expires_on", "refresh_on", "obtained_on", "retry_on"):
            if fields[name]:
                fields[name] -= type(fields[name])(seconds)
        file.write_bytes(packed(fields))
    for file in program.cache.glob("*.hot"):
        _, _, content = file.read_bytes().partition(b"\n")
        header, _, credential = content.partition(b"\n\n")
        lines = header.split(b"\n")
        *times, length = map(int, lines[0].split())
        moved = [str(int(moment - seconds)).encode() for moment in times]
        lines[0] = b" ".join([*moved, str(length).encode()])
        content = b"\n".join([*lines, b"", credential])
        file.write_bytes(_hot.MAGIC + _hot.checksum(content) + b"\n" + content)
    for file in program.cache.glob("*.leader"):
        written = file.stat().st_mtime - seconds
        os.utime(file, (written, written))


def wait_for_child(program: Program) -> None:
    """Wait until no renewal holds its lock."""
    from fcntl import LOCK_EX, flock

    for path in program.cache.glob("*.leader"):
        with open(path, "rb") as file:
            flock(file, LOCK_EX)


def children(program: Program) -> list[int]:
    """The processes that renew something in this program's cache."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            environ = (folder / "environ").read_bytes()
        except OSError:
            continue
        home = f"HOME={program.home}\0".encode()
        if _ahead.RENEWAL.encode() in arguments and home in environ:
            found.append(int(folder.name))
    return found
