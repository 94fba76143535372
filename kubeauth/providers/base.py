"""What every way to sign in shares: the cache before it, and the names a caller uses."""

from __future__ import annotations

import importlib
import logging
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypedDict

from kubeauth.cache.folder import PrivateFolder
from kubeauth.cache.location import cache_path
from kubeauth.cache.tokens import Key, TokenCache
from kubeauth.errors import SignInCancelled, SignInError
from kubeauth.logins import find_login
from kubeauth.settings import Settings, authority_of, checked
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Options", "Provider", "provider_for"]

logger = logging.getLogger(__name__)

# A token with less time than this is replaced before it is handed out: Kubernetes clients re-run a
# plugin, some on every request, in a token's last five minutes.
FRESH_FOR: Final = 360.0
# If it cannot be replaced, one that lives this long still opens the door.
USABLE_FOR: Final = 30.0


class Options(TypedDict, total=False):
    """What every provider's constructor takes besides its own arguments.

    ``environment`` names an Azure cloud, ``authority_host`` the https URL of another authority;
    ``disable_instance_discovery`` trusts that authority without asking Microsoft about it.
    ``ca_file`` is a PEM file to trust instead of the system's certificates, ``cache_dir`` the token
    cache's folder, ``timeout`` the limit in seconds for a sign-in without a person. ``legacy`` asks
    for an audience with the prefix ``spn:``.
    """

    environment: str
    authority_host: str
    disable_instance_discovery: bool
    ca_file: str
    cache_dir: str
    timeout: float | None
    legacy: bool


class Provider(ABC):
    """One way to sign in, for one API server.

    Ask it for a token as often as you like: a fresh one is kept between calls and processes.
    """

    login: ClassVar[str]

    def __init__(self, settings: Settings, system: System | None = None) -> None:
        self._system = system or System()
        self._settings = checked(settings, self._system.environ)
        self._authority = authority_of(self._settings, self._system.environ)
        path = cache_path(self._settings.cache_dir, self._system.environ)
        folder = None if path is None else PrivateFolder(path)
        self._cache = TokenCache(folder, self._system.warn)

    @classmethod
    def from_settings(cls, settings: Settings, system: System | None = None) -> Self:
        """Make a provider from settings, as the plugin does; raises SettingsError."""
        provider = cls.__new__(cls)
        Provider.__init__(provider, replace(settings, login=cls.login), system)
        return provider

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings!r})"

    def get_token(self) -> AccessToken:
        """Give a token that the API server accepts, from the cache if it has a fresh one.

        Raises SignInError (see kubeauth.errors for its kinds) if none can be had.
        """
        scope = self._settings.scope
        key = Key.of(self._identity(), scope)
        kept = None if self._settings.force_refresh else self._cache.token(key)
        if kept is not None and self._is_fresh(kept):
            logger.info("token from the cache")
            return kept
        try:
            token = self._sign_in(scope, key)
        except SignInCancelled:
            raise
        except SignInError as error:
            if kept is None or kept.seconds_left(self._system.now()) < USABLE_FOR:
                raise
            logger.info("no new token (%s), the old one still works", error)
            return kept
        logger.info("token from a new sign-in")
        self._cache.keep_token(Key.of(self._identity(), scope), token)
        return token

    def _is_fresh(self, token: AccessToken) -> bool:
        now = self._system.now()
        due = token.refresh_on is not None and token.refresh_on <= now
        return token.seconds_left(now) >= FRESH_FOR and not due

    def _identity(self) -> dict[str, str]:
        """Name everything that decides who signs in, where and how (not for what)."""
        return {
            "login": self.login,
            "authority": self._authority,
            "tenant": self._settings.tenant_id,
            "client": self._settings.client_id,
        }

    @abstractmethod
    def _sign_in(self, scope: str, key: Key) -> AccessToken:
        """Get a new token for ``scope``; ``key`` is where a session may be kept."""


def provider_for(settings: Settings, system: System) -> Provider:
    """Make the one provider that ``settings.login`` names; nothing else is imported.

    Raises SettingsError if the settings are not complete.
    """
    module, _, name = find_login(settings.login).provider.partition(":")
    kind: Any = getattr(importlib.import_module(module), name)
    provider: Provider = kind.from_settings(settings, system)
    return provider
