"""Return one identity's token: from the cache, else from a sign-in under the lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeauth.cache.failures import (
    Asker,
    forget_failure,
    has_failure,
    keep_failure,
    recent_failure,
)
from kubeauth.cache.prune import prune
from kubeauth.cache.renewal_throttle import RenewalThrottle
from kubeauth.cache.sign_in_lock import sign_in_lock
from kubeauth.cache.state import State, next_try_on, state_of
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import CachedToken, Key, TokenCache
from kubeauth.errors import SignInCancelled, SignInError
from kubeauth.log import Logger
from kubeauth.record import Record, replace
from kubeauth.token import AccessToken

__all__ = ["SignIn", "TokenKeeper"]

logger = Logger(__name__)


class SignIn(Record):
    """How one identity gets a new token.

    ``key`` returns the cache key as of now; it can change, because the files of other tools are
    part of it. ``check_possible`` raises SignInError at once if no sign-in can succeed.
    ``new_token`` signs in; it takes the key, and the time (epoch seconds) at which the caller
    asked. ``evidence`` returns text that changes with each new secret or token that the key does
    not tell; an earlier refusal is void then. ``about`` describes a token for people: whose it is,
    and for which server. ``lock_name`` returns the name of the lock. ``patience`` is how long to
    wait for another process that holds the lock, in seconds. ``show_waiting`` tells a person
    whether this call waits for another.
    """

    key: Callable[[], Key]
    check_possible: Callable[[Key], None]
    new_token: Callable[[Key, float], AccessToken]
    evidence: Callable[[], str]
    about: Callable[[AccessToken], Mapping[str, str]]
    lock_name: Callable[[Key], str]
    patience: float
    show_waiting: Callable[[bool], object]


class TokenKeeper(Record):
    """Returns one identity's tokens; ``now`` returns epoch seconds.

    ``client`` and ``unattended`` name the process that asks; see ``Asker``.
    """

    store: Store
    sign_in: SignIn
    now: Callable[[], float]
    client: str = ""
    unattended: str = ""

    def token(
        self,
        *,
        rejected: bool = False,
        insists: bool = False,
        asked_on: float = 0.0,
        ahead: bool = False,
    ) -> CachedToken:
        """Return the cached token while it is usable, else a new one.

        ``rejected`` says that the API server seems to reject the cached token. With ``insists``,
        never return the cached token, even if signing in fails. ``asked_on`` is when the caller
        asked (epoch seconds), if that was before now: a sign-in that failed since then also answers
        this call. With ``ahead``, nobody waits for the token: replace it as soon as it may be
        renewed in the background. Raises SignInError.
        """
        now, key = self.now(), self.sign_in.key()
        begun = asked_on or now
        kept = self._cached(key)
        state = state_of(None if insists else kept, now, rejected=rejected, ahead=ahead)
        if kept is not None and state in (State.FRESH, State.PAUSING):
            logger.info("token from the cache")
            return kept
        if state is State.ABSENT:
            return self._replaced(key, kept, begun, fallback=None, wants_new=insists or rejected)
        # A call that still has a working token does not wait for the lock.
        waits = state is State.REJECTED
        return self._replaced(key, kept, begun, fallback=kept, wants_new=waits, waits=waits)

    def replacement(
        self, rejected: AccessToken, throttle: RenewalThrottle, *, worked: bool = False
    ) -> CachedToken | None:
        """Return a token in place of ``rejected``, which the API server has rejected (401).

        If another call has replaced it already, return that call's token. ``worked`` says that the
        API server accepted ``rejected`` before. Return None if ``throttle`` says that it is too
        soon for another sign-in. Raises SignInError.
        """
        begun, key = self.now(), self.sign_in.key()
        kept = self._cached(key)
        is_other = kept is not None and kept.token.token != rejected.token
        if is_other and state_of(kept, begun) in (State.FRESH, State.PAUSING):
            return kept
        if not throttle.allows(begun, worked=worked):
            return None
        new = self._replaced(key, kept, begun, fallback=None, wants_new=True)
        throttle.note(self.now())
        return new

    def _cached(self, key: Key) -> CachedToken | None:
        return TokenCache(self.store).get(key)

    def _replaced(
        self,
        key: Key,
        kept: CachedToken | None,
        begun: float,
        *,
        fallback: CachedToken | None,
        wants_new: bool,
        waits: bool = True,
    ) -> CachedToken:
        """Sign in under the lock, unless another call has done so meanwhile.

        Return ``fallback`` if signing in fails, or if another process holds the lock for too long.
        """
        if fallback is None:
            self.sign_in.check_possible(key)
        patience = self.sign_in.patience if waits else 0.0
        lock = self.sign_in.lock_name(key)
        with sign_in_lock(self.store, lock, patience, self.sign_in.show_waiting) as held:
            newer = self._cached(key)
            if newer is not None and _is_news(newer, kept, wants_new):
                logger.info("token from another call's sign-in")
                return newer
            if fallback is not None and not held:
                return fallback
            return self._signed_in(key, fallback, begun)

    def _signed_in(self, key: Key, fallback: CachedToken | None, begun: float) -> CachedToken:
        """Sign in and cache the token."""
        cache = TokenCache(self.store)
        try:
            token = self._new_token(key, begun)
        except SignInCancelled:
            raise
        except SignInError as error:
            if fallback is None:
                raise
            logger.info("the sign-in failed (%s); using the cached token, which still works", error)
            pausing = replace(fallback, retry_on=next_try_on(fallback, self.now()))
            cache.keep(key, pausing, self.sign_in.about(fallback.token))
            return pausing
        logger.info("token from a new sign-in")
        new = CachedToken(token, self.now())
        # Signing in can make the Azure CLI rewrite the files that are part of the key.
        cache.keep(self.sign_in.key(), new, self.sign_in.about(token))
        if self.store.folder is not None:
            prune(self.store.folder, self.now())
        return new

    def _new_token(self, key: Key, begun: float) -> AccessToken:
        """Sign in, unless that just failed for the same process, or while this one waited."""
        asker = Asker(self.client, self.unattended)
        failed_before = has_failure(self.store, key.digest)
        if failed_before:
            # Reading it can take time, so not before each sign-in.
            asker = replace(asker, evidence=self.sign_in.evidence())
        failure = recent_failure(self.store, key.digest, asker, begun, self.now())
        if failure is not None:
            raise failure
        try:
            token = self.sign_in.new_token(key, begun)
        except SignInError as error:
            if not failed_before:
                asker = replace(asker, evidence=self.sign_in.evidence())
            keep_failure(self.store, key.digest, error, asker, self.now())
            raise
        forget_failure(self.store, key.digest)
        return token


def _is_news(newer: CachedToken, kept: CachedToken | None, wants_new: bool) -> bool:
    """Return whether another call has changed the cache since this one read ``kept``.

    A caller that does not need another token also accepts the same token with a new pause.
    """
    if kept is None:
        return True
    return newer.token != kept.token or (newer != kept and not wants_new)
