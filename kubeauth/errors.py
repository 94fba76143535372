"""Every way in which kubeauth can fail, each with the next step for the person who meets it.

    KubeauthError
    ├── SettingsError          a value is missing, unknown or contradicts another
    ├── SignInError            no token could be had
    │   ├── SignInRefused      the identity provider said no, and said why (.code)
    │   ├── InteractionRequired   a person must act and nobody is there
    │   ├── SignInCancelled    the person declined, or did not act in time
    │   ├── ToolError          a program that signs in for us (az) is missing or failed
    │   └── Unreachable        no usable answer came back over the network
    └── KubeconfigError        a kubeconfig could not be read, understood or written

An error's text names what was tried, what failed and the evidence; ``.hint`` names the next step.
Neither ever holds a secret.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


__all__ = [
    "InteractionRequired",
    "KubeauthError",
    "KubeconfigError",
    "SettingsError",
    "SignInCancelled",
    "SignInError",
    "SignInRefused",
    "ToolError",
    "Unreachable",
]


class KubeauthError(Exception):
    """The base of all of kubeauth's errors.

    ``str(error)`` is one sentence without a full stop; ``error.hint`` is the next step, ready to be
    shown to a person (never empty).
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the hint, so that an error can come back from a worker process."""
        return _restored, (type(self), str(self), dict(self.__dict__))


class SettingsError(KubeauthError):
    """A value is missing, unknown or contradicts another one; nothing was sent anywhere."""


class SignInError(KubeauthError):
    """No token could be had."""


class SignInRefused(SignInError):
    """The identity provider refused; ``code`` is its own name for the reason.

    For Entra ID that is ``AADSTSnnnnn``, elsewhere the OAuth ``error`` value (RFC 6749 5.2).
    ``person_helps`` says that the person may get in by signing in anew, ``session_over`` that
    nothing else will do.
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
    """Signing in needs a person, and none can be asked here."""


class SignInCancelled(SignInError):
    """The person declined, or did not act in time."""


class ToolError(SignInError):
    """A program that signs in on our behalf is missing, failed or gave no usable answer."""


class Unreachable(SignInError):
    """No usable answer came back: no connection, no TLS trust, a time-out, a server in trouble."""


class KubeconfigError(KubeauthError):
    """A kubeconfig could not be read, understood or written; it was left as it was."""


def _restored(kind: type[KubeauthError], message: str, fields: dict[str, Any]) -> KubeauthError:
    error = kind.__new__(kind, message)
    error.__dict__.update(fields)
    return error
