"""What every way to sign in shares: the cache before it, and the names a caller uses."""

from __future__ import annotations

import copy
import importlib
import logging
import threading
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypedDict

from kubeauth.cache.failures import keep_failure, recent_failure
from kubeauth.cache.folder import PrivateFolder
from kubeauth.cache.location import cache_path
from kubeauth.cache.prune import prune
from kubeauth.cache.renewal_throttle import RenewalThrottle
from kubeauth.cache.sign_in_lock import sign_in_lock
from kubeauth.cache.store import Store
from kubeauth.cache.tokens import Kept, Key, TokenCache
from kubeauth.credential import Credential
from kubeauth.errors import SettingsError, SignInCancelled, SignInError
from kubeauth.jwt import whose
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings, authority_of, checked
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Self

    from kubeauth.pop.key import ProofKey

__all__ = ["Options", "Provider", "fresh_until", "provider_for"]

logger = logging.getLogger(__name__)

# A token with less time than this is replaced before it is handed out: Kubernetes clients re-run a
# plugin, some on every request, in a token's last five minutes.
FRESH_FOR: Final = 360.0
# If it cannot be replaced, one that lives this long still opens the door.
USABLE_FOR: Final = 30.0
# After a replacement has failed, the old token is used for this long before the next try.
PAUSE_AFTER_FAILURE: Final = 30.0
# How long a sign-in waits for another process that is signing in as the same identity.
MACHINE_PATIENCE: Final = 90.0
# A token that an API server seems to reject is not replaced again sooner than this.
YOUNG_FOR: Final = 10.0
# A signed request is taken for this long after it was signed, by the server in front of clusters
# that Azure Arc connects (guard, which is told 15 minutes there).
SIGNATURE_LIFE: Final = 900


def fresh_until(token: AccessToken) -> float:
    """Give the time (epoch seconds) up to which a token is handed out with no other asked for."""
    limit = token.expires_on - FRESH_FOR
    return limit if token.refresh_on is None else min(limit, token.refresh_on)


class Options(TypedDict, total=False):
    """What every provider's constructor takes besides its own arguments.

    ``environment`` names an Azure cloud, ``authority_host`` the https URL of another authority;
    ``disable_instance_discovery`` trusts that authority without asking Microsoft about it.
    ``ca_file`` is a PEM file to trust instead of the system's certificates. ``cache_dir`` is the
    token cache's folder, ``cache_storage`` one of auto, keyring, file, memory and none. ``timeout``
    is the limit in seconds for a sign-in without a person, ``person_timeout`` that for a person (15
    minutes unless told), ``connect_timeout`` and ``read_timeout`` those of each HTTP request (10
    and 30). ``legacy`` asks for an audience with the prefix ``spn:``, ``pop_enabled`` with
    ``pop_claims`` for a proof of possession.
    """

    environment: str
    authority_host: str
    disable_instance_discovery: bool
    ca_file: str
    cache_dir: str
    cache_storage: str
    timeout: float | None
    person_timeout: float | None
    connect_timeout: float | None
    read_timeout: float | None
    legacy: bool
    pop_enabled: bool
    pop_claims: str


class Provider(Credential):
    """One way to sign in, for one API server.

    Ask it for a token as often as you like: a fresh one is kept between calls and processes.
    """

    login: ClassVar[str]

    def __init__(self, settings: Settings, system: System | None = None) -> None:
        self._system = system or System()
        self._settings = checked(settings, self._system.environ)
        self._authority = authority_of(self._settings, self._system.environ)
        path = cache_path(self._settings.cache_dir, self._system.environ)
        self._store = Store(path, self._settings.cache_storage, self._system.warn)
        self._tokens = TokenCache(self._store)
        self._scope = self._settings.scope
        self._renewing = threading.Lock()
        self._throttle = RenewalThrottle()
        self._proof_key: ProofKey | None = None

    @classmethod
    def from_settings(cls, settings: Settings, system: System | None = None) -> Self:
        """Make a provider from settings, as the plugin does; raises SettingsError."""
        provider = cls.__new__(cls)
        Provider.__init__(provider, replace(settings, login=cls.login), system)
        return provider

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings!r})"

    @property
    def waits_for_others(self) -> float:
        """How long to wait for another process that signs in as the same identity, in seconds."""
        return MACHINE_PATIENCE

    @property
    def cache_folder(self) -> PrivateFolder | None:
        """The folder in which tokens are kept, None if they are not kept on disk."""
        return self._store.folder

    def key(self) -> Key:
        """Give the key under which this provider's token is kept, as things are now."""
        proof = self._proof
        bound = {"proof": proof.kid} if proof is not None else {}
        return Key.of({**self._identity(), **bound}, self._scope)

    @property
    def _proof(self) -> ProofKey | None:
        """The key that tokens are to be bound to, None for plain ones."""
        if self._settings.pop_enabled and self._proof_key is None:
            from kubeauth.pop.stored_key import stored_key

            self._proof_key = stored_key(self._store)
        return self._proof_key

    def presented(self, token: AccessToken) -> AccessToken:
        """Give ``token`` as it is shown to the API server: signed anew where it is bound to a key.

        NOTE: what it gives is good for minutes, as its ``expires_on`` says, and must not be kept.
        """
        proof = self._proof
        if proof is None:
            return token
        from kubeauth.options.pop_claims import read_claims

        claims, now = read_claims(self._settings.pop_claims), self._system.now()
        return replace(
            token,
            token=proof.signed(token.token, claims, now),
            expires_on=min(token.expires_on, int(now) + SIGNATURE_LIFE),
        )

    def stamped_files(self) -> Iterable[Path]:
        """Give the files whose change means that another identity may be signed in."""
        return ()

    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> Provider:
        """Give a provider of the same identity for another resource; see ``Credential``.

        NOTE: resource servers name a tenant in their challenges, so one that was not configured is
        refused instead of signed in to.
        """
        settings = self._settings
        if settings.pop_enabled:
            raise SettingsError(
                f"login {self.login}: clients of Azure's SDK cannot prove possession of a key",
                hint="make another provider without pop_enabled",
            )
        if tenant_id and settings.tenant_id and tenant_id.lower() != settings.tenant_id:
            raise SettingsError(
                f"login {self.login}: a token of the tenant {tenant_id} was asked for, but this "
                f"provider is for {settings.tenant_id}",
                hint="make another provider with that tenant_id",
            )
        changed = replace(
            settings,
            tenant_id=settings.tenant_id or tenant_id.lower(),
            server_id=scope.removesuffix("/.default") or settings.server_id,
            legacy=settings.legacy and not scope,
            claims=claims,
        )
        other = copy.copy(self)
        other._settings, other._scope = checked(changed, self._system.environ), scope or self._scope
        other._renewing, other._throttle = threading.Lock(), RenewalThrottle()
        return other

    def token(self) -> AccessToken:
        """Give a token that the API server accepts, from the cache if it has a fresh one."""
        return self.presented(self.obtain().token)

    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Give another token in place of one that the API server has rejected; see Credential."""
        if self._proof is not None:
            from kubeauth.pop.key import bound_token

            rejected = replace(rejected, token=bound_token(rejected.token))
        return self.presented(self._renewed_token(rejected, worked))

    def _renewed_token(self, rejected: AccessToken, worked: bool) -> AccessToken:
        with self._renewing:
            begun, key = self._system.now(), self.key()
            kept = self._tokens.get(key)
            if kept is not None and kept.token.token != rejected.token and _is_fresh(kept, begun):
                return kept.token
            if not self._throttle.allows(begun, worked=worked):
                return rejected
            self._check_possible(key)
            with sign_in_lock(self._store, self._lock_name(key), self.waits_for_others):
                newer = self._tokens.get(key)
                if newer is not None and newer != kept and newer.obtained_on >= begun:
                    return newer.token
                token = self._replaced(key, None, begun).token
            self._throttle.note(self._system.now())
            return token

    def obtain(self, *, rejected: bool = False) -> Kept:
        """Give a token as ``get_token`` does, with when it was obtained.

        ``rejected`` says that the last one seems not to be accepted any more.
        """
        begun = self._system.now()
        key = self.key()
        kept = self._tokens.get(key)
        claims = self._settings.claims
        # Whoever insists on a new token is not served by an old one, even if no new one is had.
        insists = self._settings.force_refresh or bool(claims)
        wants_new = insists or (
            rejected and kept is not None and begun - kept.obtained_on >= YOUNG_FOR
        )
        if kept is not None and not wants_new and _is_fresh(kept, begun):
            logger.info("token from the cache")
            return kept
        usable = kept is not None and not insists and kept.token.seconds_left(begun) >= USABLE_FOR
        patience = 0.0 if usable and not wants_new else self.waits_for_others
        if not usable:
            self._check_possible(key)
        with sign_in_lock(self._store, self._lock_name(key), patience) as held:
            newer = self._tokens.get(key)
            if newer is not None and _is_news(newer, kept, wants_new):
                logger.info("token from a sign-in that another call made")
                return newer
            if kept is not None and not held and usable:
                return kept
            return self._replaced(key, kept if usable else None, begun)

    def _replaced(self, key: Key, kept: Kept | None, begun: float) -> Kept:
        """Sign in; ``kept`` is a token that is good enough if that fails."""
        try:
            token = self._tried(key, begun)
        except SignInCancelled:
            raise
        except SignInError as error:
            if kept is None:
                raise
            logger.info("no new token (%s), the old one still works", error)
            held = replace(kept, retry_on=self._system.now() + PAUSE_AFTER_FAILURE)
            self._tokens.keep(key, held, self._about(kept.token))
            return held
        logger.info("token from a new sign-in")
        new = Kept(token, self._system.now())
        # The identity is named again: signing in may have told more of it.
        self._tokens.keep(self.key(), new, self._about(token))
        if self._store.folder is not None:
            prune(self._store.folder)
        return new

    def _tried(self, key: Key, begun: float) -> AccessToken:
        """Sign in, unless that has just failed for the same caller or while this one waited."""
        system = self._system
        failure = recent_failure(self._store, key.digest, system.caller, begun, system.now())
        if failure is not None:
            raise failure
        try:
            return self._sign_in(self._scope, key, begun)
        except SignInError as error:
            keep_failure(self._store, key.digest, error, system.caller, system.now())
            raise

    def _about(self, token: AccessToken) -> dict[str, str]:
        """Say whose a token is, for people to read."""
        return {
            "login": self.login,
            "authority": self._authority,
            "tenant": self._settings.tenant_id,
            "client": self._settings.client_id,
            "server": self._settings.resource,
            "user": whose(token.token),
        }

    def _identity(self) -> dict[str, str]:
        """Name everything that decides who signs in, where and how (not for what)."""
        return {
            "login": self.login,
            "authority": self._authority,
            "tenant": self._settings.tenant_id,
            "client": self._settings.client_id,
        }

    def _lock_name(self, key: Key) -> str:
        """Give the name of what only one sign-in at a time may be for."""
        return key.digest

    def _check_possible(self, key: Key) -> None:
        """Raise SignInError at once if a sign-in has no chance, before waiting for anything."""

    @abstractmethod
    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        """Get a new token for ``scope``.

        ``key`` is where a session may be kept, ``begun`` when the caller asked (epoch seconds).
        """


def _is_news(newer: Kept, kept: Kept | None, wants_new: bool) -> bool:
    """Say whether another call has signed in since ``kept`` was looked up.

    The same token with a pause before the next try is an answer, too, but not to who wants another.
    """
    if kept is None:
        return True
    return newer.token != kept.token or (newer != kept and not wants_new)


def _is_fresh(kept: Kept, now: float) -> bool:
    if now < kept.retry_on:
        return kept.token.seconds_left(now) >= USABLE_FOR
    return now < fresh_until(kept.token)


def provider_for(settings: Settings, system: System) -> Provider:
    """Make the one provider that ``settings.login`` names; nothing else is imported.

    Raises SettingsError if the settings are not complete.
    """
    module, _, name = find_login(settings.login).provider.partition(":")
    kind: Any = getattr(importlib.import_module(module), name)
    provider: Provider = kind.from_settings(settings, system)
    return provider
