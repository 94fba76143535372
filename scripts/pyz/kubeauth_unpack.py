"""Unpack the single-file program for this user and Python: once, or for this process alone.

``payload.zip`` in the file holds each content once, named by its digest, and for each target a
list of ``DIGEST PATH`` lines.
"""

import io
import os
import shutil
import sys
import tempfile
import zipfile
from typing import NoReturn

from __main__ import is_private


def unpack(archive: str, folder: str) -> str:
    """Return the folder to import from: ``folder``, or a temporary one if that cannot be written.

    The last part of ``folder`` names the platform. Ends the process with an error and a hint if
    ``archive`` has nothing for it, or if no folder can be written.
    """
    kept, target = os.path.split(folder)
    with zipfile.ZipFile(archive) as outer:
        payload = zipfile.ZipFile(io.BytesIO(outer.read("payload.zip")))
        start = outer.read("__main__.py")
    if target not in payload.namelist():
        fail("there is nothing for " + target + " in " + archive, supported(payload))
    try:
        keep(payload, folder)
        write_new(os.path.join(kept, "start.py"), start)
        return folder
    except OSError as error:
        first = error
    try:
        return lend(payload, target)
    except OSError as error:
        fail(
            "cannot unpack " + archive + ": " + str(first) + "; " + str(error),
            "let XDG_CACHE_HOME name a folder that can be written to, with 40 MB of space",
        )


def supported(payload: zipfile.ZipFile) -> str:
    """Say what the file is good for, as a hint."""
    targets = [name.split("-") for name in payload.namelist() if "-" in name]
    pythons = sorted({"3." + target[1][1:] for target in targets}, key=lambda name: int(name[2:]))
    machines = sorted({target[2] for target in targets})
    listed = ", ".join(pythons) + " on Linux (" + ", ".join(machines) + ")"
    return "use CPython " + listed + ", or install kubeauth with pip"


def keep(payload: zipfile.ZipFile, folder: str) -> None:
    """Fill ``folder``, all of it or nothing; of many processes that start at once, one does it.

    Raises OSError if that is not possible.
    """
    kept, target = os.path.split(folder)
    if not os.path.isabs(kept):  # no HOME, and a user whom the system does not know
        raise OSError("there is no folder for caches")
    os.makedirs(kept, 0o700, exist_ok=True)
    if not is_private(kept):
        raise OSError(kept + " is not private to this user")
    check_runs_programs(kept)
    new = tempfile.mkdtemp(dir=kept)
    try:
        write(payload, target, new)
        os.rename(new, folder)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        if not os.path.isdir(folder):
            raise


def check_runs_programs(folder: str) -> None:
    """Raise OSError for a folder from which the compiled parts could not be loaded."""
    if os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise OSError(folder + " is mounted noexec")


def lend(payload: zipfile.ZipFile, target: str) -> str:
    """Return a filled temporary folder, which is removed when this process is over; raises OSError.

    A child waits for that, whichever way it ends: a cached credential ends it without any farewell.
    """
    check_runs_programs(tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix="kubeauth-")
    over, _open_until_then = os.pipe()
    if os.fork() == 0:
        try:
            os.setsid()
            os.close(_open_until_then)
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):  # who reads our output must not wait for the child, too
                os.dup2(nothing, descriptor)
            os.read(over, 1)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os._exit(0)
    os.close(over)
    sys.dont_write_bytecode = True
    write(payload, target, folder)
    return folder


def write(payload: zipfile.ZipFile, target: str, folder: str) -> None:
    """Write the files of a target; raises OSError."""
    made = set()
    for line in payload.read(target).decode().splitlines():
        digest, _, name = line.partition(" ")
        path = os.path.join(folder, name)
        parent = os.path.dirname(path)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        with open(path, "wb") as file:
            file.write(payload.read(digest))


def write_new(path: str, content: bytes) -> None:
    """Replace a file whole; raises OSError."""
    descriptor, new = tempfile.mkstemp(dir=os.path.dirname(path))
    with open(descriptor, "wb") as file:
        file.write(content)
    os.replace(new, path)


def fail(error: str, hint: str) -> NoReturn:
    """End with the two lines that every failure has."""
    sys.stderr.write("error: kubeauth: " + error + "\nhint: " + hint + "\n")
    sys.exit(8)
