"""Remember recent failures, so that one kubectl command does not wait, or ask, several times.

kubectl runs its plugin up to five times for one command when the plugin fails.
"""

from __future__ import annotations

from kubeauth import errors
from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.cache.storage.names import FAILURE
from kubeauth.cache.storage.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["forget_failure", "keep_failure", "recent_failure"]

# How long a failure answers the same caller; seconds. kubectl's re-runs come within one second.
_REMEMBERED: Final = 5.0
# The longest pause of a program that goes on asking after refusals, as informers do; seconds.
_LONGEST_PAUSE: Final = 600.0
_KINDS: Final[dict[str, Any]] = {
    kind.__name__: kind
    for kind in (
        errors.SignInCancelled,
        errors.SignInRefused,
        errors.ToolError,
        errors.Unreachable,
    )
}


def keep_failure(
    store: Store, digest: str, error: errors.SignInError, caller: str, now: float
) -> None:
    """Remember why a sign-in failed. ``caller`` names the process that asked for a token.

    Each refusal of the same caller doubles its pause, since nothing that decides the identity has
    changed: it is part of ``digest``.
    """
    if store.folder is None or type(error).__name__ not in _KINDS:
        return
    pause = _REMEMBERED
    if isinstance(error, errors.SignInRefused):
        pause = min(2 * _last_pause(store, digest, caller) or _REMEMBERED, _LONGEST_PAUSE)
    fields = {
        "kind": type(error).__name__,
        "message": str(error),
        "hint": error.hint,
        "code": getattr(error, "code", ""),
        "caller": caller,
        "failed_on": now,
        "pause": pause,
    }
    store.write(digest + FAILURE, packed(fields), quiet=True)


def _last_pause(store: Store, digest: str, caller: str) -> float:
    """Return the pause after the last refusal of ``caller`` in seconds, 0 if there was none."""
    try:
        fields = unpacked(store.read(digest + FAILURE))
        if not caller or fields["caller"] != caller or fields["kind"] != "SignInRefused":
            return 0.0
        return float(fields["pause"])
    except (ValueError, TypeError, KeyError):
        return 0.0


def recent_failure(
    store: Store, digest: str, caller: str, begun: float, now: float, *, alone: bool = False
) -> errors.SignInError | None:
    """Return the failure that also answers this call, if there is one.

    It is a failure since ``begun``, while this call waited for the lock, or a recent one of the
    same ``caller`` ("": the caller is not known): of the last five seconds, or of its whole pause
    if the program is ``alone``, without a person at a terminal. Times are epoch seconds.
    """
    try:
        fields = unpacked(store.read(digest + FAILURE))
        failed_on = float(fields["failed_on"])
        pause = float(fields["pause"]) if alone else _REMEMBERED
        same = bool(caller) and fields["caller"] == caller and 0 <= now - failed_on <= pause
        if not same and not begun < failed_on <= now:
            return None
        message, hint = str(fields["message"]), str(fields["hint"])
        if fields["kind"] == errors.SignInRefused.__name__:
            return errors.SignInRefused(message, hint=hint, code=str(fields["code"]))
        failure: errors.SignInError = _KINDS[fields["kind"]](message, hint=hint)
        return failure
    except (ValueError, TypeError, KeyError):
        return None


def forget_failure(store: Store, digest: str) -> None:
    """Delete the remembered failure, so that the next call signs in."""
    store.delete(digest + FAILURE)
