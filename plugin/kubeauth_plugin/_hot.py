"""Fast path: return a finished credential cached under a digest of argv and environment.

After a miss, the full command writes a record for the same command line and environment, and this
module reads it. Every doubt is a miss. This module imports only modules that are built in or loaded
already (a test pins the list): no ``from __future__``, no json, no typing, and no os on POSIX.

A record is one private file. Its name is the digest of the command line and of the variables that
can change the result. Times are epoch seconds:

    kubeauth 2 CHECKSUM                          of all that follows
    WRITTEN_ON OBTAINED_ON DUE_ON UNTIL LENGTH   LENGTH is the size of the credential in bytes
    MTIME_NS SIZE PATH                           for each file that is part of the identity
    (an empty line)
    the ExecCredential

From DUE_ON, a hit also starts the renewal of the token in the background (``_ahead``). If that is
switched off, DUE_ON is UNTIL.

A second file names the last caller. If that caller asks again after JUDGED_FROM, an API server has
rejected its token. TIMES and RENEWALS are counts of ``hot_records``:

    CALLER
    JUDGED_FROM TIMES RENEWALS
"""

import sys
from time import time

# To import `os`, which hands these functions on, takes Python a tenth of the time that it takes to
# start.
if sys.platform == "win32":
    import os as system
else:
    import posix as system

# The variables that can change the answer begin with these.
PREFIXES = (
    "AAD_",
    "ACTIONS_ID_TOKEN_REQUEST_",
    "ARM_",
    "AZD_",
    "AZURE",
    "GCE_METADATA_HOST",
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
MAGIC = b"kubeauth 2 "
RECORD = ".hot"
LAST_CALLER = ".asked"
_LARGEST = 1 << 18
# Seconds. If the clock was set back by more than this, ignore the record.
_CLOCK_SLACK = 60
SHELLS = (
    *("sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"),
    *("cmd", "powershell", "pwsh", "explorer"),
)
# Shells start kubectl, and the Python client runs the plugin again in a token's last minutes. When
# these programs call again, it does not mean that an API server rejected the token.
NOT_CLIENT_GO = (*SHELLS, "python", "pypy", "py")
# Seconds. A token younger than this is not the one that an API server rejected.
YOUNG_FOR = 10


# The path (without ending) of the record that ``serve`` wrote, if its token is due.
due = ""


def digest(argv: list[str], environ: dict[str, str]) -> str:
    """Return the record's name for a command line (without the program) and an environment."""
    parts = [*argv, ""]
    parts += sorted(f"{k}={environ[k]}" for k in environ if k.startswith(PREFIXES))
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return _fast_digest(text, 16)


def cache_folder(argv: list[str], environ: dict[str, str]) -> str:
    """Return the folder of the token cache, or "" if it is not private.

    It finds the same folder as location and folder in kubeauth.cache.storage, with less code.
    """
    folder = named_folder(argv, environ)
    if sys.platform == "win32":
        return _folder_on_windows(folder)
    if is_private(system.stat(folder)):
        return folder
    inner = folder + "/kubeauth"
    return inner if is_private(system.lstat(inner)) else ""


def _folder_on_windows(folder: str) -> str:
    """Return what ``cache_folder`` returns; other users cannot open what is in the profile."""
    import os

    home = os.path.join(os.path.normcase(os.path.expanduser("~")), "")
    if os.path.join(os.path.normcase(os.path.abspath(folder)), "").startswith(home):
        os.stat(folder)
        return folder
    from kubeauth_plugin.windows.folder import private_folder

    return private_folder(folder)


def named_folder(argv: list[str], environ: dict[str, str]) -> str:
    """Return the cache folder that the command line or the variables name, without a check."""
    named = value_of(argv, "--cache-dir", "--token-cache-dir")
    named = named or environ.get("KUBEAUTH_CACHE_DIR", "")
    root = environ.get("KUBECACHEDIR", "")
    folder = named or (root and root + "/kubeauth") or "~/.kube/cache/kubeauth"
    if not folder.startswith("~"):
        return folder
    if folder.startswith("~/") and "HOME" in environ and sys.platform != "win32":
        return environ["HOME"].rstrip("/") + folder[1:]
    from os.path import expanduser

    return expanduser(folder)


def value_of(argv: list[str], *flags: str) -> str:
    """Return the last value that one of ``flags`` has in a command line, "" if it has none."""
    value = ""
    for number, argument in enumerate(argv):
        name, equals, text = argument.partition("=")
        if name in flags:
            value = text if equals else "".join(argv[number + 1 : number + 2])
    return value


def caller(parent: int = 0, but: tuple[str, ...] = NOT_CLIENT_GO) -> str:
    """Return the name of the parent process: its id, its start time and its program.

    A later process may have the same id, but not the same start time; a process that replaces
    itself (kubectl's dispatcher in Google's SDK) changes its program. Elsewhere than on Linux and
    Windows, return the id alone. Return "" for the programs of ``but``: the second call of a shell
    or an interpreter does not mean a 401.
    """
    if sys.platform == "win32" and not parent:
        return _caller_on_windows(but)
    parent = parent or system.getppid()
    try:
        stat = _content(f"/proc/{parent}/stat", False)
        start = stat.rpartition(b")")[2].split()[19].decode()
        program = system.readlink(f"/proc/{parent}/exe")
    except (OSError, IndexError):
        return str(parent)
    return "" if _is_one_of(program, but) else f"{parent} {start} {program}"


def _caller_on_windows(but: tuple[str, ...]) -> str:
    from kubeauth_plugin.windows.caller import windows_caller

    try:
        name = windows_caller()
    except (OSError, AttributeError):
        return str(system.getppid())
    return "" if _is_one_of(name, but) else name


def _is_one_of(program: str, names: tuple[str, ...]) -> bool:
    """Return whether the file of a program has one of ``names``, perhaps with a version."""
    name = program.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    return name.rstrip("0123456789.") in names


def may_be_client_go(parent: int = 0) -> bool:
    """Return False if the parent process is certainly not written in Go, as client-go is.

    Other clients call their plugin again without a 401: kube-rs does so three times before its
    first request. Go's linker adds a section of build information to each program (its package
    debug/buildinfo); return True where the sections of a program cannot be read.
    """
    try:
        file = system.open(f"/proc/{parent or system.getppid()}/exe", system.O_RDONLY)
    except OSError:
        return True
    number = int.from_bytes
    try:
        # The positions are those of a 64-bit ELF header and a section header (elf(5)).
        header = system.pread(file, 64, 0)
        first = number(header[40:48], "little")
        if header[:6] != b"\x7fELF\x02\x01" or not first:
            return True
        size, index = number(header[58:60], "little"), number(header[62:64], "little")
        section = system.pread(file, 40, first + size * index)
        length = min(number(section[32:40], "little"), _LARGEST)
        names = system.pread(file, length, number(section[24:32], "little"))
        return not names or b"\0.go.buildinfo\0" in names
    except (OSError, OverflowError):
        return True
    finally:
        system.close(file)


def serve(argv: list[str]) -> bool:
    """Write the record for this command line to stdout if it is valid; return whether it was.

    ``argv`` excludes the program. If stdout takes no byte, return False, so that the full command
    reports the error. Raises OSError if stdout takes only a part.
    """
    global due
    try:
        environ, now = environment(), time()
        folder = cache_folder(argv, environ)
        path = folder + "/" + digest(argv, environ)
        credential, obtained_on, due_on = read(path + RECORD, now)
        if not folder or not credential:
            return False
        # Only kubectl sets this variable, and only its second call means a rejected token.
        asking = _encoded(caller()) if "KUBERNETES_EXEC_INFO" in environ else b""
        repeated = asking and asks_again(path + LAST_CALLER, asking, obtained_on, now)
        if repeated and may_be_client_go():
            return False
        credential = credential[system.write(1, credential) :]
    except BrokenPipeError:
        raise
    except (OSError, ValueError, IndexError):
        return False
    while credential:
        credential = credential[system.write(1, credential) :]
    if now >= due_on:
        due = path
    return True


def leave() -> None:
    """End this process: no file is open and no output is buffered, so there is nothing to close."""
    system._exit(0)


def environment() -> dict[str, str]:
    """Return the environment of this process, as ``os.environ`` has it."""
    if sys.platform == "win32":
        return dict(system.environ)
    return {_decoded(name): _decoded(value) for name, value in system.environ.items()}


def _encoded(text: str) -> bytes:
    return text.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def _decoded(text: bytes) -> str:
    return text.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def read(path: str, now: float) -> tuple[bytes, int, int]:
    """Return the credential of a record (b"" unless it is good at ``now``), and its token's times.

    These are when the token was obtained, and from when on it is due. Raises OSError, ValueError or
    IndexError for an unreadable record.
    """
    magic, _, content = _content(path, True).partition(b"\n")
    if magic != MAGIC + checksum(content):
        return b"", 0, 0
    header, _, credential = content.partition(b"\n\n")
    lines = header.split(b"\n")
    written_on, obtained_on, due_on, until, length = map(int, lines[0].split())
    good = written_on - _CLOCK_SLACK <= now < until
    if not good or length != len(credential):
        return b"", 0, 0
    for line in lines[1:]:
        mtime, size, file = line.split(b" ", 2)
        if stamp(_decoded(file)) != (mtime, size):
            return b"", 0, 0
    return credential, obtained_on, due_on


def checksum(content: bytes) -> bytes:
    """Return what tells that a record was changed, by a failing disk for example."""
    return _fast_digest(content, 8).encode()


def _fast_digest(content: bytes, size: int) -> str:
    """Return what kubeauth.secret.fast_digest returns, which this module cannot import."""
    try:
        from _blake2 import blake2b

        return blake2b(content, digest_size=size).hexdigest()
    except (ImportError, ValueError):  # FIPS mode
        from hashlib import sha256

        return sha256(content).hexdigest()[: 2 * size]


def stamp(path: str) -> tuple[bytes, bytes]:
    """Return a file's time of last write and its size, which change when its content does."""
    try:
        status = system.stat(path)
    except OSError:
        return b"-", b"-"
    return str(status.st_mtime_ns).encode(), str(status.st_size).encode()


def asks_again(path: str, asking: bytes, obtained_on: int, now: float) -> bool:
    """Return whether the process ``asking`` was served before; kubectl asks again after a 401.

    ``path`` is the file that names the last caller; write a new caller into it. Return False to one
    that asks again within ten seconds of ``obtained_on``: so young a token was not rejected.
    """
    try:
        last, numbers = _content(path, True).split(b"\n")[:2]
        judged_from = float(numbers.split()[0])
        # A token that is newer than the caller's was renewed meanwhile; nobody has rejected it.
        if last == asking and obtained_on <= judged_from:
            return now >= judged_from
    except (OSError, ValueError, IndexError):
        pass
    flags = system.O_WRONLY | system.O_CREAT | system.O_TRUNC | getattr(system, "O_NOFOLLOW", 0)
    try:
        descriptor = system.open(path, flags | getattr(system, "O_BINARY", 0), 0o600)
    except OSError:  # a read-only cache has records, but cannot note the caller
        return False
    system.write(descriptor, b"%b\n%d 1 0\n" % (asking, obtained_on + YOUNG_FOR))
    system.close(descriptor)
    return False


def _content(path: str, private: bool) -> bytes:
    """Return a file's content. Raises OSError, also if ``private`` and others can open the file."""
    flags = system.O_RDONLY | getattr(system, "O_NOFOLLOW", 0) | getattr(system, "O_NONBLOCK", 0)
    descriptor = system.open(path, flags | getattr(system, "O_BINARY", 0))
    try:
        status = system.fstat(descriptor)
        if private and not is_private(status):
            raise OSError(path)
        # The size of a file of /proc is 0. Python takes long for a buffer that is much too large.
        return system.read(descriptor, min(status.st_size or 4096, _LARGEST))
    finally:
        system.close(descriptor)


def is_private(status: system.stat_result) -> bool:
    """Return whether this user owns a file or folder, and other users have no access."""
    if sys.platform == "win32":
        return True
    return status.st_uid == system.geteuid() and not status.st_mode & 0o077
