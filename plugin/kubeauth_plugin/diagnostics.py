"""Print a failure as one ``error:`` line and one ``hint:`` line, and choose the exit code.

The exit codes are documented in docs/errors.md, which a test compares with the table here.
"""

from __future__ import annotations

# Built in, and enough here; the module signal would load more.
import _signal  # type: ignore[import-not-found]
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from kubeauth import errors
from kubeauth.log import Logger
from kubeauth.options.resolve import with_origins
from kubeauth.options.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "EXIT_CODES",
    "NothingToConvert",
    "ShownAbove",
    "TokenFileError",
    "exit_code",
    "guarded",
    "interrupted",
    "naming_variables",
    "report",
    "unwritable_stdout",
    "warn",
]

logger = Logger(__name__)

INTERNAL: Final = 1
INTERRUPTED: Final = 130
# For a hint that only says what to check. Doctor tells proxy, portal, name and clock apart.
_CLOSER: Final = "; `kubeauth doctor` looks closer"
# Characters. Cut longer lines.
_LONGEST: Final = 2000


class NothingToConvert(errors.KubeauthError):
    """The kubeconfig has no user to convert, or not the one that was named."""


class TokenFileError(errors.KubeauthError):
    """A token file cannot be written, or it has no token that is good for long enough."""


class ShownAbove(Exception):
    """A failure that the caller shows already; it carries the exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


# The first class that matches an error decides.
EXIT_CODES: Final[tuple[tuple[type[errors.KubeauthError], int], ...]] = (
    (errors.SettingsError, 2),
    (NothingToConvert, 3),
    (errors.SignInRefused, 4),
    (errors.InteractionRequired, 5),
    (errors.SignInCancelled, 6),
    (errors.Throttled, 12),
    (errors.Unreachable, 7),
    (errors.ToolError, 8),
    (errors.KubeconfigError, 9),
    (TokenFileError, 10),
)


def exit_code(error: errors.KubeauthError) -> int:
    """Return the documented exit code of an error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), INTERNAL)


def report(error: Exception) -> int:
    """Print the error and its hint to stderr, and return the exit code.

    NOTE: never print the text of an error that kubeauth did not raise: it could quote a secret. A
    bug report needs only its type and place.
    """
    if isinstance(error, ShownAbove):
        _line("error", "the same as above")
        return error.exit_code
    if isinstance(error, errors.KubeauthError):
        _line("error", str(error))
        unclear = isinstance(error, errors.Unreachable) and error.hint.startswith("check ")
        _line("hint", error.hint + (_CLOSER if unclear else ""))
        return exit_code(error)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}" if frame else "?"
    _line("error", f"unexpected failure in kubeauth: {type(error).__name__} at {place}")
    _line("hint", "please report these two lines and the command you ran, without secrets")
    return INTERNAL


def guarded(work: Callable[[], object]) -> int:
    """Run ``work``, print its failure to stderr, and return the exit code.

    Every command runs here. Escape what the encoding of stdout or stderr lacks: on Windows a pipe
    has no emoji, and a file's name may be no text at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    pressed: list[int] = []
    try:
        with _noting_ctrl_c(pressed):
            work()
            _flush_stdout()
    except KeyboardInterrupt:
        return interrupted()
    except BrokenPipeError:
        _drop_stdout()
        return INTERNAL  # the reader of stdout has gone; do not print an error
    except Exception as error:
        return interrupted() if pressed else report(error)
    return 0


@contextmanager
def _noting_ctrl_c(pressed: list[int]) -> Iterator[None]:
    """Append to ``pressed`` when Ctrl-C is pressed, and raise KeyboardInterrupt as Python does.

    Modules of C code that are just being imported may turn that into an ImportError.
    """

    def note(number: int, _: object) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    sigint, usual = 2, _signal.default_int_handler
    # Ignored, handled by somebody else, or in a thread, which must not set a handler.
    if _signal.getsignal(sigint) is not usual or not _is_main_thread():
        yield
        return
    _signal.signal(sigint, note)
    try:
        yield
    finally:
        _signal.signal(sigint, usual)


def _is_main_thread() -> bool:
    threading = sys.modules.get("threading")
    return threading is None or threading.current_thread() is threading.main_thread()


def _flush_stdout() -> None:
    """Write buffered output while an error can still be shown. Raises SettingsError."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_stdout()
        raise unwritable_stdout(error) from error


def _drop_stdout() -> None:
    """Discard buffered output; else the interpreter would fail to write it when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def unwritable_stdout(error: OSError) -> errors.SettingsError:
    """Return the error for a stdout that takes no more text."""
    return errors.SettingsError(
        f"stdout cannot be written ({error.strerror or type(error).__name__})",
        hint="make room on the disk that stdout goes to; the command itself has run",
    )


@contextmanager
def naming_variables(settings: Settings) -> Iterator[None]:
    """Add to the hint of an error which variables override the flags that it names."""
    try:
        yield
    except errors.KubeauthError as error:
        error.hint = with_origins(error.hint, settings)
        raise


def interrupted() -> int:
    """Print that Ctrl-C ended the command, and return the exit code that shells expect."""
    _line("error", "interrupted")
    _line("hint", "run it again when ready")
    return INTERRUPTED


def warn(message: str) -> None:
    """Print a one-line warning to stderr."""
    _line("warning", message)


def _line(label: str, text: str) -> None:
    # A server's message must not forge a second line or move the cursor.
    clean = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
    if sys.stderr is not None:
        print(f"{label}: {' '.join(clean.split())}", file=sys.stderr, flush=True)  # noqa: T201
