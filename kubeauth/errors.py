"""All errors of kubeauth, each with a hint that names the next step.

    KubeauthError
    ├── SettingsError          a value is missing, unknown or contradicts another
    ├── SignInError            a sign-in failed
    │   ├── SignInRefused      the identity provider refused, with a reason (.code)
    │   ├── InteractionRequired   a person must act, and none can be reached
    │   ├── SignInCancelled    the person declined, or did not act in time
    │   ├── ToolError          what signs in for us (az, IMDS) is missing or failed
    │   └── Unreachable        no usable answer came back over the network
    │       └── Throttled      the server got too many requests
    └── KubeconfigError        a kubeconfig could not be read, understood or written
        └── UntrustedKubeconfig   it would run a program or redirect a secret

An error's text says what kubeauth tried, what failed and the evidence; ``.hint`` names the next
step. Neither ever holds a secret.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


__all__ = [
    "InteractionRequired",
    "KubeauthError",
    "KubeconfigError",
    "SettingsError",
    "SignInCancelled",
    "SignInError",
    "SignInRefused",
    "Throttled",
    "ToolError",
    "Unreachable",
    "UntrustedKubeconfig",
]


class KubeauthError(Exception):
    """The base of all of kubeauth's errors.

    ``str(error)`` is one sentence without a full stop. ``error.hint`` tells a person the next step
    and is never empty; from Python 3.11 on, tracebacks show it, too.
    """

    _hint = ""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def hint(self) -> str:
        """The next step."""
        return self._hint

    @hint.setter
    def hint(self, text: str) -> None:
        # Python 3.10 ignores the notes (PEP 678).
        old, new = f"hint: {self._hint}", f"hint: {text}"
        notes = getattr(self, "__notes__", [])
        self.__notes__ = [new, *(note for note in notes if note != old)]
        self._hint = text

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the hint, so that a worker process can send an error to its parent."""
        return _restored, (type(self), str(self), dict(self.__dict__))


class SettingsError(KubeauthError):
    """A value is missing, unknown or contradicts another one."""


class SignInError(KubeauthError):
    """A sign-in failed."""


class SignInRefused(SignInError):
    """The identity provider refused; ``code`` is its own name for the reason.

    For Entra ID the code is ``AADSTSnnnnn``, for Resource Manager its error code, elsewhere the
    OAuth ``error`` value (RFC 6749 5.2).
    ``person_helps`` says that the person may succeed by signing in again. ``session_over`` says
    that the refresh token no longer works for any API server.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        code: str,
        person_helps: bool = False,
        session_over: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.person_helps = person_helps
        self.session_over = session_over


class InteractionRequired(SignInError):
    """Signing in needs a person, and kubeauth cannot ask one here."""


class SignInCancelled(SignInError):
    """The person declined, or did not act in time."""


class ToolError(SignInError):
    """What signs in for us (a program, the machine's identity service) is missing or failed."""


class Unreachable(SignInError):
    """No usable answer came back: no connection, no TLS trust, a time-out or a server error."""


class Throttled(Unreachable):
    """The server got too many requests (HTTP 429), also from others: wait, then try again."""


class KubeconfigError(KubeauthError):
    """A kubeconfig could not be read, understood or written; kubeauth did not change it."""


class UntrustedKubeconfig(KubeconfigError):
    """A kubeconfig would run a program, or send a secret to an authority that only it names."""


def _restored(kind: type[KubeauthError], message: str, fields: dict[str, Any]) -> KubeauthError:
    error = kind.__new__(kind, message)
    error.__dict__.update(fields)
    return error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the beginning of a hint ("did you mean X? ") if ``name`` is nearly a known name."""
    near = near_names(name, known)
    return f"did you mean {near[0]}? " if near else ""


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the ``known`` names that ``name`` may stand for, the nearest first."""
    import difflib

    by_key = {each.lower(): each for each in known}
    begun = [key for key in by_key if len(name) > 2 and key.startswith(name.lower())]
    near = begun[:3] or difflib.get_close_matches(name.lower(), by_key)
    if not near:
        # The first word of a long name.
        by_word = {key.partition("-")[0]: key for key in by_key}
        near = [by_word[word] for word in difflib.get_close_matches(name.lower(), by_word)]
    return [by_key[key] for key in near]
