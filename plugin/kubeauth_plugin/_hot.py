"""The fast way: a credential that is ready to be handed out, found without knowing what was asked.

The slow way leaves a record for the very same command line and environment; this reads it. Every
doubt is a miss. It imports only what the interpreter has loaded or built in (a test pins the list):
no ``from __future__``, no json, no annotations that need typing.

A record is one private file, its name the digest of the command line and of the variables that can
change the answer. Times are epoch seconds:

    kubeauth 1
    WRITTEN_ON OBTAINED_ON UNTIL LENGTH      the last in bytes of the credential
    MTIME_NS SIZE PATH                       of each file whose change means another identity
    (an empty line)
    the ExecCredential

Beside it lies who was served last: the caller, and from when on the same one asking again means
that its token was rejected, and two counts of ``hot_records``:

    CALLER
    JUDGED_FROM TIMES RENEWALS
"""

import os
import sys
from _blake2 import blake2b
from time import time

# The variables that can change the answer begin with these.
PREFIXES = (
    "AAD_",
    "ACTIONS_ID_TOKEN_REQUEST_",
    "ARM_",
    "AZD_",
    "AZURE",
    "HOME",
    "IDENTITY_",
    "IMDS_",
    "KUBEAUTH_",
    "KUBECACHEDIR",
    "KUBERNETES_EXEC_INFO",
    "MSI_",
    "SYSTEM_",
    "USERPROFILE",
)
MAGIC = b"kubeauth 1"
RECORD = ".hot"
LAST_CALLER = ".asked"
_LARGEST = 1 << 18
# A clock that is set back by more than this makes a record unusable; seconds.
_CLOCK_SLACK = 60
# Programs that start kubectl and its like, or ask again for reasons of their own (the Python client
# does in a token's last minutes), but do not ask because of a 401.
NOT_CLIENT_GO = ("python", "pypy", "sh", "bash", "dash", "zsh", "ksh", "fish", "busybox")
# A token this young is not taken for a rejected one; seconds.
YOUNG_FOR = 10


def digest(argv: list[str], environ: "os._Environ[str] | dict[str, str]") -> str:
    """Return the name of the record for a command line (without the program) and an environment."""
    parts = [*argv, ""]
    parts += sorted(f"{k}={environ[k]}" for k in environ if k.startswith(PREFIXES))
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return blake2b(text, digest_size=16).hexdigest()


def cache_folder(argv: list[str], environ: "os._Environ[str] | dict[str, str]") -> str:
    """Return the folder of the token cache, "" if there is none that is private.

    The same as kubeauth.cache.location and kubeauth.cache.folder, for the one question asked here.
    """
    folder = named_folder(argv, environ)
    if is_private(os.stat(folder)):
        return folder
    inner = folder + "/kubeauth"
    return inner if is_private(os.lstat(inner)) else ""


def named_folder(argv: list[str], environ: "os._Environ[str] | dict[str, str]") -> str:
    """Return the folder that the command line or the variables name, whatever it is like."""
    named = value_of(argv, "--cache-dir", "--token-cache-dir")
    named = named or environ.get("KUBEAUTH_CACHE_DIR", "")
    root = environ.get("KUBECACHEDIR", "")
    folder = named or (root and root + "/kubeauth") or "~/.kube/cache/kubeauth"
    return os.path.expanduser(folder)


def value_of(argv: list[str], *flags: str) -> str:
    """Return the last value that one of ``flags`` has in a command line, "" if it has none."""
    value = ""
    for number, argument in enumerate(argv):
        name, equals, text = argument.partition("=")
        if name in flags:
            value = text if equals else "".join(argv[number + 1 : number + 2])
    return value


def caller(parent: int = 0) -> str:
    """Name the process that runs this one: its id, when it started, its program.

    The start tells apart two processes that had one id, the program two that one process became
    (kubectl's dispatcher in Google's SDK replaces itself). Where there is no /proc, the id alone;
    "" for a shell or an interpreter, which is nobody in particular.
    """
    parent = parent or os.getppid()
    try:
        stat = _content(f"/proc/{parent}/stat", False)
        start = stat.rpartition(b")")[2].split()[19].decode()
        program = os.readlink(f"/proc/{parent}/exe")
    except (OSError, IndexError):
        return str(parent)
    if program.rpartition("/")[2].rstrip("0123456789.") in NOT_CLIENT_GO:
        return ""
    return f"{parent} {start} {program}"


def serve(argv: list[str]) -> bool:
    """Write the kept credential for this command line to stdout, if there is a good one.

    ``argv`` is without the program. Gives whether it was written. What stdout does not take at all
    is left to the slow way, which can say so; raises OSError where it took a part.
    """
    try:
        folder, now = cache_folder(argv, os.environ), time()
        path = folder + "/" + digest(argv, os.environ)
        credential, obtained_on = read(path + RECORD, now)
        if not folder or not credential:
            return False
        # kubectl always sets this variable; nobody else's second question means a rejected token.
        asking = os.fsencode(caller()) if "KUBERNETES_EXEC_INFO" in os.environ else b""
        if asking and asks_again(path + LAST_CALLER, asking, obtained_on, now):
            return False
        credential = credential[os.write(1, credential) :]
    except BrokenPipeError:
        raise
    except (OSError, ValueError, IndexError):
        return False
    while credential:
        credential = credential[os.write(1, credential) :]
    return True


def read(path: str, now: float) -> tuple[bytes, int]:
    """Return the credential of a record (b"" unless it is good at ``now``), and its token's start.

    The start is when the token was obtained. Raises OSError, ValueError or IndexError for an
    unreadable record.
    """
    header, _, credential = _content(path, True).partition(b"\n\n")
    lines = header.split(b"\n")
    written_on, obtained_on, until, length = map(int, lines[1].split())
    good = lines[0] == MAGIC and written_on - _CLOCK_SLACK <= now < until
    if not good or length != len(credential):
        return b"", 0
    for line in lines[2:]:
        mtime, size, file = line.split(b" ", 2)
        if stamp(os.fsdecode(file)) != (mtime, size):
            return b"", 0
    return credential, obtained_on


def stamp(path: str) -> tuple[bytes, bytes]:
    """Return what tells that a file has changed: when it was written, and its size."""
    try:
        status = os.stat(path)
    except OSError:
        return b"-", b"-"
    return str(status.st_mtime_ns).encode(), str(status.st_size).encode()


def asks_again(path: str, asking: bytes, obtained_on: int, now: float) -> bool:
    """Return whether the process ``asking`` was served before; kubectl asks again after a 401.

    ``path`` is the file that names the last caller; write a new caller into it. Return False to one
    that asks again within ten seconds of ``obtained_on``: so young a token was not rejected.
    """
    try:
        last, judged_from = _content(path, True).split(b"\n")[:2]
        if last == asking:
            return now >= float(judged_from.split()[0])
    except (OSError, ValueError, IndexError):
        pass
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:  # a read-only cache can serve, it just cannot notice a rejection
        return False
    os.write(descriptor, b"%b\n%d 1 0\n" % (asking, obtained_on + YOUNG_FOR))
    os.close(descriptor)
    return False


def _content(path: str, private: bool) -> bytes:
    """Read a file; raises OSError, also for one that is not private although it has to be."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        if private and not is_private(os.fstat(descriptor)):
            raise OSError(path)
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)


def is_private(status: os.stat_result) -> bool:
    """Return whether a file or folder belongs to this user and to nobody else."""
    if sys.platform == "win32":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077
