"""Sign-ins that just failed, so that the same caller does not wait, or ask the person, once more.

kubectl runs its plugin up to five times for one command when the plugin fails.
"""

from __future__ import annotations

import json

from kubeauth import errors
from kubeauth.cache.names import FAILURE
from kubeauth.cache.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["forget_failure", "keep_failure", "recent_failure"]

# Seconds for which the same caller gets the same answer. kubectl's re-runs come within one.
_REMEMBERED: Final = 5.0
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
    """Remember why a sign-in failed. ``caller`` names the process that wanted it."""
    if store.folder is None or type(error).__name__ not in _KINDS:
        return
    fields = {
        "kind": type(error).__name__,
        "message": str(error),
        "hint": error.hint,
        "code": getattr(error, "code", ""),
        "caller": caller,
        "failed_on": now,
    }
    store.write(digest + FAILURE, json.dumps(fields).encode(), quiet=True)


def recent_failure(
    store: Store, digest: str, caller: str, begun: float, now: float
) -> errors.SignInError | None:
    """Return the failure that also answers this call, if there is one.

    That is one that came while this call waited for it (since ``begun``), or a moment ago for the
    same ``caller`` (empty: nobody in particular). Times are epoch seconds.
    """
    try:
        fields = json.loads(store.read(digest + FAILURE) or b"null")
        failed_on = float(fields["failed_on"])
        same = bool(caller) and fields["caller"] == caller and 0 <= now - failed_on <= _REMEMBERED
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
    """Let the next call sign in whatever happened before."""
    store.delete(digest + FAILURE)
