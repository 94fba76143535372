"""Start the single-file program: have it unpacked, then run it in this very process.

It runs in two places: in the zip, and as ``start.py`` in the unpacked folder, where the file's
first lines (header.sh) look for it, since Python starts a zip more slowly. For a cached credential
it is all that comes before ``_hot``, so it imports next to nothing. No ``from __future__`` or other
news: an old Python has to be able to read this, to be told that it is too old.
"""

import os
import sys

# Both are known when the file is built, or run; convert-kubeconfig asks for the second.
DIGEST = "@DIGEST@"
KUBEAUTH_FILE = ""


def main() -> None:
    """Run the command line; does not return."""
    global KUBEAUTH_FILE
    if os.path.basename(__file__) == "start.py":
        del sys.argv[0]
    KUBEAUTH_FILE = os.path.abspath(sys.argv[0])
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    kept = os.path.join(home, "kubeauth", DIGEST)
    folder = os.path.join(kept, target())
    sys.path = [path for path in sys.path if path != sys.argv[0]]
    if not is_private(kept) or not os.path.isdir(folder):
        sys.path.insert(0, KUBEAUTH_FILE)
        from kubeauth_unpack import unpack

        folder = unpack(KUBEAUTH_FILE, folder)
        sys.path.remove(KUBEAUTH_FILE)
    sys.path.insert(0, folder)
    from kubeauth_plugin.__main__ import main as run

    run()


def target() -> str:
    """Name what compiled modules depend on: Python's version, the processor, the C library."""
    python = sys.implementation.cache_tag + getattr(sys, "abiflags", "")
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return python + "-" + sys.platform
    try:
        libc = "glibc" if os.confstr("CS_GNU_LIBC_VERSION") else "musl"
    except (ValueError, OSError):
        libc = "musl"
    return "-".join([python, os.uname().machine, libc])


def is_private(folder: str) -> bool:
    """Say whether a folder is there and belongs to this user and to nobody else."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and status.st_mode & 0o170077 == 0o040000


if __name__ == "__main__":
    main()
