"""Remember recent failures, so that one kubectl command does not wait, or ask, several times.

kubectl runs its plugin up to five times for one command when the plugin fails. Informers and
controllers ask again for ever.
"""

from __future__ import annotations

from kubeauth import errors
from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.cache.storage.names import FAILURE
from kubeauth.cache.storage.store import Store
from kubeauth.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["Asker", "forget_failure", "has_failure", "keep_failure", "recent_failure"]

# How long a failure answers the same caller; seconds. kubectl's re-runs come within one second.
_REMEMBERED: Final = 5.0
# The longest pause of a program that goes on asking after refusals, as informers do; seconds.
_LONGEST_PAUSE: Final = 600.0
# The number of processes whose pauses are remembered.
_MOST_PROCESSES: Final = 32
_KINDS: Final[dict[str, Any]] = {
    kind.__name__: kind
    for kind in (
        errors.InteractionRequired,
        errors.SignInCancelled,
        errors.SignInRefused,
        errors.Throttled,
        errors.ToolError,
        errors.Unreachable,
    )
}
# A request would be refused again. A person is required if a refresh token was refused.
_REFUSALS: Final = ("SignInRefused", "InteractionRequired")


class Asker(Record):
    """The process that asks for a token.

    ``client`` is the name of a Kubernetes client, which asks again at once after any failure.
    ``unattended`` is the name of a process without a person at a terminal, which may ask for ever.
    Each is "" if it is not known, or not so. ``evidence`` changes with each new secret or token
    that the cache key does not tell; a refusal is void then. It is stored, so it holds digests in
    place of secrets.
    """

    client: str = ""
    unattended: str = ""
    evidence: str = ""


def has_failure(store: Store, digest: str) -> bool:
    """Return whether the last sign-in failed."""
    return store.read(digest + FAILURE) is not None


def keep_failure(
    store: Store, digest: str, error: errors.SignInError, asker: Asker, now: float
) -> None:
    """Remember why a sign-in failed, and for how long that answers ``asker``.

    Each refusal of the same process doubles its pause, since nothing that decides the identity has
    changed: it is part of ``digest``, or of the evidence.
    """
    if type(error).__name__ not in _KINDS:
        return
    known = _read(store, digest)
    pauses = _pauses(known) if known.get("evidence") == asker.evidence else {}
    for name in (asker.client, asker.unattended):
        pauses.pop(name, None)  # the newest come last
    if asker.client:
        pauses[asker.client] = (now, _REMEMBERED)
    if asker.unattended and type(error).__name__ in _REFUSALS:
        pauses[asker.unattended] = (now, _next_pause(known, asker))
    fields = {
        "kind": type(error).__name__,
        "message": str(error),
        "hint": error.hint,
        "code": getattr(error, "code", ""),
        "evidence": asker.evidence,
        "failed_on": now,
        "pauses": dict(list(pauses.items())[-_MOST_PROCESSES:]),
    }
    store.write(digest + FAILURE, packed(fields), quiet=True)


def recent_failure(
    store: Store, digest: str, asker: Asker, begun: float, now: float
) -> errors.SignInError | None:
    """Return the failure that also answers this call, if there is one.

    It is a failure since ``begun``, while this call waited for the lock, or one that the same
    process has met: in the last five seconds, or if no person waits, in its whole pause. Times are
    epoch seconds.
    """
    known = _read(store, digest)
    try:
        failed_on = float(known["failed_on"])
        held = known["evidence"] == asker.evidence and _is_held(_pauses(known), asker, now)
        if not held and not begun < failed_on <= now:
            return None
        message, hint = str(known["message"]), str(known["hint"])
        if known["kind"] == errors.SignInRefused.__name__:
            return errors.SignInRefused(message, hint=hint, code=str(known["code"]))
        failure: errors.SignInError = _KINDS[known["kind"]](message, hint=hint)
        return failure
    except (ValueError, TypeError, KeyError):
        return None


def forget_failure(store: Store, digest: str) -> None:
    """Delete the remembered failure, so that the next call signs in."""
    store.delete(digest + FAILURE)


def _is_held(pauses: dict[str, tuple[float, float]], asker: Asker, now: float) -> bool:
    """Return whether the process that asks still has to wait."""
    for name, longest in ((asker.client, _REMEMBERED), (asker.unattended, _LONGEST_PAUSE)):
        failed_on, pause = pauses.get(name, (now, 0.0)) if name else (now, 0.0)
        if pause > 0 and 0 <= now - failed_on <= min(pause, longest):
            return True
    return False


def _next_pause(known: dict[str, Any], asker: Asker) -> float:
    """Return the pause after this refusal of an unattended process, in seconds.

    A program that is no Kubernetes client may try once more at once: it may have mended the cause.
    """
    same = known.get("evidence") == asker.evidence and known.get("kind") in _REFUSALS
    last = _pauses(known).get(asker.unattended) if same else None
    if last is None:
        return _REMEMBERED if asker.client else 0.0
    return min(max(2 * last[1], _REMEMBERED), _LONGEST_PAUSE)


def _pauses(known: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Return when each process met its last failure, and its pause; {} for other content."""
    try:
        return {
            str(name): (float(on), float(pause)) for name, (on, pause) in known["pauses"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _read(store: Store, digest: str) -> dict[str, Any]:
    """Return the fields of the remembered failure; {} without one."""
    try:
        found = unpacked(store.read(digest + FAILURE))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
