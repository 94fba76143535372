"""The base of every provider: a token cache in front of a sign-in."""

from __future__ import annotations

import _thread
import importlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping

from kubeauth.cache.keeper import SignIn, TokenKeeper
from kubeauth.cache.renewal_throttle import RenewalThrottle
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.location import cache_path, other_path
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import CachedToken, Key
from kubeauth.credential import Credential
from kubeauth.errors import SettingsError
from kubeauth.jwt import whose
from kubeauth.options.check import authority_of, checked
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.record import replace
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Final

    from typing_extensions import Self

    from kubeauth.pop.key import ProofKey

__all__ = ["Finding", "Provider", "provider_class", "provider_for"]

# How long to wait for another process that signs in as the same identity; seconds.
MACHINE_PATIENCE: Final = 90.0
# How long guard, the server in front of clusters that Azure Arc connects, accepts a signed request;
# seconds. Microsoft configures 15 minutes.
SIGNATURE_LIFE: Final = 900
# Name, value and origin, as --explain shows them.
Finding = tuple[str, str, str]


class Provider(Credential):
    """One login, for one API server.

    Call ``get_token`` as often as you like: the provider caches tokens across calls and processes.
    """

    login: ClassVar[str]
    # Whether this object has had a person sign in.
    asked_person: bool = False

    def __init__(self, settings: Settings, system: System | None = None) -> None:
        self._system = system or System()
        self._settings = checked(settings, self._system.environ)
        self.check(self._settings)
        self._authority = authority_of(self._settings, self._system.environ)
        path = cache_path(self._settings.cache_dir, self._system.environ)
        other = other_path(self._system.environ)
        self._store = Store(path, self._settings.cache_storage, self._system.warn, other)
        self._scope = self._settings.scope
        self._renewing = _thread.allocate_lock()
        self._throttle = RenewalThrottle()
        self._proof_key: ProofKey | None = None

    @classmethod
    def from_settings(cls, settings: Settings, system: System | None = None) -> Self:
        """Make a provider from settings; raises SettingsError."""
        provider = cls.__new__(cls)
        Provider.__init__(provider, replace(settings, login=cls.login), system)
        return provider

    def __repr__(self) -> str:
        given = self._settings.shown_fields()
        given.pop("login", None)
        shown = (f"{name}={value!r}" for name, value in given.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Raise SettingsError for values that contradict each other for this login."""

    @classmethod
    def default_limits(cls, environ: Mapping[str, str]) -> dict[str, float]:
        """Return the default time limits: seconds by field of Settings."""
        from kubeauth.adapters import limits

        return {
            "timeout": limits.SIGN_IN_LIMIT,
            "connect_timeout": limits.CONNECT_LIMIT,
            "read_timeout": limits.READ_LIMIT,
        }

    @classmethod
    def findings(cls, settings: Settings, system: System, authority: str) -> Iterator[Finding]:
        """Yield the values that this login finds on this machine: name, value, origin."""
        yield from ()

    @property
    def waits_for_others(self) -> float:
        """How long to wait for another process that signs in as the same identity, in seconds."""
        return MACHINE_PATIENCE

    @property
    def is_repeatable(self) -> bool:
        """Whether a record may answer the same command line with the same known variables.

        It may not if each answer needs a new signature, or if a flag names a variable to read.
        """
        return not self._settings.pop_enabled and not self._settings.named_variables

    @property
    def cache_folder(self) -> PrivateFolder | None:
        """The folder of the token cache; None if it is not on disk."""
        return self._store.folder

    def key(self) -> Key:
        """Return the cache key of this provider's token, as of now."""
        proof = self._proof
        bound = {"proof": proof.kid} if proof is not None else {}
        return Key.of({**self._identity(), **bound}, self._scope)

    @property
    def _proof(self) -> ProofKey | None:
        """The key to bind tokens to; None for plain tokens."""
        if self._settings.pop_enabled and self._proof_key is None:
            from kubeauth.pop.stored_key import stored_key

            self._proof_key = stored_key(self._store)
        return self._proof_key

    def presented(self, token: AccessToken) -> AccessToken:
        """Return ``token`` as the API server accepts it: signed if it is bound to a key.

        NOTE: a signed token is valid for minutes, as its ``expires_on`` says; do not cache it.
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

    def stamped_files(self) -> Iterable[str]:
        """Return the files whose change means that another identity may be signed in."""
        return ()

    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> Provider:
        """Return a provider of the same identity for another resource; see ``Credential``.

        NOTE: resource servers name a tenant in their challenges. Refuse a tenant that the caller
        did not configure.
        """
        settings = self._settings
        if settings.pop_enabled:
            raise SettingsError(
                f"login {self.login}: clients of Azure's SDK cannot prove possession of a key",
                hint="make another provider without pop_enabled",
            )
        if tenant_id and settings.tenant_id and tenant_id.lower() != settings.tenant_id:
            raise SettingsError(
                f"login {self.login}: this provider is for the tenant {settings.tenant_id}, not "
                f"for {tenant_id}",
                hint="make another provider with that tenant_id",
            )
        changed = replace(
            settings,
            tenant_id=settings.tenant_id or tenant_id.lower(),
            server_id=scope.removesuffix("/.default") or settings.server_id,
            legacy=settings.legacy and not scope,
            claims=claims,
        )
        import copy

        other = copy.copy(self)
        other._settings, other._scope = checked(changed, self._system.environ), scope or self._scope
        other._renewing, other._throttle = _thread.allocate_lock(), RenewalThrottle()
        return other

    def token(self) -> AccessToken:
        """Return a token that the API server accepts, from the cache if it has a fresh one."""
        return self.presented(self.obtain().token)

    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Return a token in place of one that the API server rejected; see ``Credential``."""
        bound = rejected
        if self._proof is not None:
            from kubeauth.pop.key import bound_token

            bound = replace(rejected, token=bound_token(rejected.token))
        with self._renewing:
            kept = self._keeper.replacement(bound, self._throttle, worked=worked)
        return self.presented(bound if kept is None else kept.token)

    @property
    def renews_alone(self) -> bool:
        """Whether this login can get the next token without a person."""
        return True

    def obtain(
        self, *, rejected: bool = False, asked_on: float = 0.0, ahead: bool = False
    ) -> CachedToken:
        """Return a token as ``get_token`` does, with the time at which it was obtained.

        ``rejected`` says that the API server seems to reject the cached token. ``asked_on`` is when
        the caller asked (epoch seconds), if that was before now. With ``ahead``, nobody waits for
        the token: replace it as soon as it may be renewed in the background.
        """
        insists = self._settings.force_refresh or bool(self._settings.claims)
        return self._keeper.token(
            rejected=rejected, insists=insists, asked_on=asked_on, ahead=ahead
        )

    @property
    def _keeper(self) -> TokenKeeper:
        sign_in = SignIn(
            key=self.key,
            check_possible=self._check_possible,
            new_token=lambda key, begun: self._sign_in(self._scope, key, begun),
            evidence=self._evidence,
            about=self._about,
            lock_name=self._lock_name,
            patience=self.waits_for_others,
            show_waiting=self._show_waiting,
        )
        system = self._system
        unattended = system.process if system.prompt is None else ""
        return TokenKeeper(self._store, sign_in, system.now, system.caller, unattended)

    def _evidence(self) -> str:
        """Return a digest of each credential that is not in ``_identity``, "" if all are.

        The pause after a refusal ends when it changes: another credential deserves another try.
        """
        return ""

    def _show_waiting(self, waits: bool) -> None:
        """Say on a terminal that another process signs in; take that back if not ``waits``."""
        if self._system.progress is not None:
            text = f"another kubeauth is signing in with '{self.login}'; waiting for it"
            self._system.progress(text if waits else "")

    def _about(self, token: AccessToken) -> dict[str, str]:
        """Return a description of a token for people: whose it is, and for which server."""
        return {
            "login": self.login,
            "authority": self._authority,
            "tenant": self._settings.tenant_id,
            "client": self._settings.client_id,
            "server": self._settings.resource,
            "user": whose(token.token),
        }

    def _identity(self) -> dict[str, str]:
        """Return everything that decides who signs in, where and how (not for which resource)."""
        return {
            "login": self.login,
            "authority": self._authority,
            "tenant": self._settings.tenant_id,
            "client": self._settings.client_id,
        }

    def _lock_name(self, key: Key) -> str:
        """Return the name of the lock."""
        return key.digest

    def _check_possible(self, key: Key) -> None:
        """Raise SignInError, before any wait, if no sign-in can succeed."""

    @abstractmethod
    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        """Sign in and return a new token for ``scope``.

        ``key`` names the session in the cache. ``begun`` is when the caller asked (epoch seconds).
        Raises SignInError.
        """


def provider_class(login: str) -> type[Provider]:
    """Return the class of a login, importing no other login; raises SettingsError."""
    module, _, name = find_login(login).provider.partition(":")
    kind: Any = getattr(importlib.import_module(module), name)
    found: type[Provider] = kind
    return found


def provider_for(settings: Settings, system: System) -> Provider:
    """Return the provider that ``settings.login`` names.

    Raises SettingsError if the settings are not complete.
    """
    return provider_class(settings.login).from_settings(settings, system)
