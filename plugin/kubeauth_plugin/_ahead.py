"""Renew a token in the background, before any call has to wait for the next one.

If the record of a hit is due, the hit starts the same command again, with RENEWAL in place of
``get-token``, and ends. This child runs in a session of its own and has only the null device for
its streams. It signs in as the call would have done, writes the token and the record, and prints
nothing.

Only one child runs for each command line: it inherits the lock that calls without a record take
(``_leader``), so those wait for it, too. kubectl waits while the child is started, so that imports
next to nothing.
"""

from __future__ import annotations

import os
import sys
from time import time

from kubeauth_plugin import _leader

# The word in place of "get-token" on the child's command line.
RENEWAL = "get-token--renewal"
# How long to wait after starting a child before starting another; seconds.
PAUSE = 30
# A child ends itself, and the programs it has started, after this long; seconds.
LIMIT = 100
# Each of these says that this is a CI job. It ends soon, and its runner may wait for all processes.
CI_VARIABLES = (
    "APPVEYOR",
    "BITBUCKET_BUILD_NUMBER",
    "BUILDKITE",
    "CI",
    "CIRCLECI",
    "CODEBUILD_BUILD_ID",
    "DRONE",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
)
_DETACHED_PROCESS = 0x00000008
_CREATE_NEW_PROCESS_GROUP = 0x00000200

# Whether this process is such a child.
in_background = False


def in_ci(environ: os._Environ[str] | dict[str, str]) -> bool:
    """Say whether this is a job of a CI system, by the variables they set."""
    return any(
        environ.get(name, "").lower() not in ("", "0", "false", "no") for name in CI_VARIABLES
    )


def start(argv: list[str], path: str) -> None:
    """Start a child that renews the record at ``path``, unless one runs or was started just now.

    ``argv`` is the command line without the program. Errors are ignored: the credential is written
    already, and a later call tries again.
    """
    if in_ci(os.environ) or not sys.executable:
        return
    lock = path + _leader.LOCK
    try:
        descriptor = _leader.try_lock(lock)
        if 0 <= time() - os.stat(lock).st_mtime < PAUSE:
            return
        os.utime(lock)
        command = [*sys.orig_argv[: -len(argv)], RENEWAL, *argv[1:]]
        (_start_detached if os.name == "nt" else _start)(command, descriptor)
    except (OSError, NotImplementedError, ImportError):
        return


def _start(command: list[str], lock: int) -> None:
    """Start ``command`` with the null device, the descriptor ``lock``, and no other descriptor.

    If the child inherited a pipe, its reader would wait for the child: kubectl reads stdout to its
    end.
    """
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            try:  # noqa: SIM105  # contextlib would be one module more
                os.set_inheritable(int(name), int(name) == lock)
            except OSError:  # the descriptor of the list itself
                pass
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    os.posix_spawn(sys.executable, command, os.environ, file_actions=null, setsid=True)


def _start_detached(command: list[str], _lock: int) -> None:
    """Start ``command`` on Windows, without a console and without this process's handles."""
    import subprocess

    subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        creationflags=_DETACHED_PROCESS | _CREATE_NEW_PROCESS_GROUP,
    )


def begin() -> None:
    """Make this process the child: limit its time, lower its priority, restore the command line."""
    global in_background
    in_background = True
    sys.argv[1] = "get-token"
    if sys.platform == "win32":
        import threading

        limit = threading.Timer(LIMIT, os._exit, [1])
        limit.daemon = True
        limit.start()
        return
    import signal

    # This process leads a group of its own, which includes the programs that it starts.
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(0, signal.SIGKILL))
    signal.alarm(LIMIT)
    os.nice(10)  # kubectl needs the processor now
