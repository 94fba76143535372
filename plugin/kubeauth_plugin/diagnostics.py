"""How a failure looks at the terminal: one ``error:`` line, one ``hint:`` line, an exit code.

The exit codes are documented in docs/errors.md, which a test compares with the table here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    "exit_code",
    "guarded",
    "interrupted",
    "naming_variables",
    "report",
    "warn",
]

logger = Logger(__name__)

INTERNAL: Final = 1
INTERRUPTED: Final = 130
# No line is longer, whatever was given to this program.
_LONGEST: Final = 2000


class NothingToConvert(errors.KubeauthError):
    """No user of the kubeconfig could be converted, or none that was asked for."""


# The first class that an error is an instance of decides.
EXIT_CODES: Final[tuple[tuple[type[errors.KubeauthError], int], ...]] = (
    (errors.SettingsError, 2),
    (NothingToConvert, 3),
    (errors.SignInRefused, 4),
    (errors.InteractionRequired, 5),
    (errors.SignInCancelled, 6),
    (errors.Unreachable, 7),
    (errors.ToolError, 8),
    (errors.KubeconfigError, 9),
)


def exit_code(error: errors.KubeauthError) -> int:
    """Return the documented exit code of an error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), INTERNAL)


def report(error: Exception) -> int:
    """Tell stderr what failed and what to do next; returns the exit code.

    NOTE: the text of an error that is not ours is never shown: it could quote a secret. Its type
    and place are, since they are what a bug report needs.
    """
    if isinstance(error, errors.KubeauthError):
        _line("error", str(error))
        _line("hint", error.hint)
        return exit_code(error)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}" if frame else "?"
    _line("error", f"kubeauth met a failure it does not know: {type(error).__name__} at {place}")
    _line("hint", "please report these two lines with the command that led here, without secrets")
    return INTERNAL


def guarded(work: Callable[[], object]) -> int:
    """Do the work of one command and give its exit code; its failures become lines on stderr."""
    try:
        work()
    except KeyboardInterrupt:
        return interrupted()
    except BrokenPipeError:
        return INTERNAL  # whoever reads stdout is gone and wants to know nothing
    except Exception as error:
        return report(error)
    return 0


@contextmanager
def naming_variables(settings: Settings) -> Iterator[None]:
    """Have hints say which of the flags that they name a variable overrides."""
    try:
        yield
    except errors.KubeauthError as error:
        error.hint = with_origins(error.hint, settings)
        raise


def interrupted() -> int:
    """Tell stderr that Ctrl-C was heard; returns the exit code shells expect of it."""
    _line("error", "interrupted")
    _line("hint", "run it again when ready")
    return INTERRUPTED


def warn(message: str) -> None:
    """Tell stderr, in one line, something that did not stop the work."""
    _line("warning", message)


def _line(label: str, text: str) -> None:
    # Whatever a server put into its message must not forge a second line or move the cursor.
    clean = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
    if sys.stderr is not None:
        print(f"{label}: {' '.join(clean.split())}", file=sys.stderr, flush=True)  # noqa: T201
