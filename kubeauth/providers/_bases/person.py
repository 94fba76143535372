"""The base of the logins for people: one sign-in by the person, then a refresh token."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping

from kubeauth.cache.failures import Asker, forget_failure, keep_failure, recent_failure
from kubeauth.cache.sessions import SessionStore
from kubeauth.cache.tokens import Key
from kubeauth.clouds import SERVER_NAMES
from kubeauth.errors import InteractionRequired, SignInError, SignInRefused
from kubeauth.log import Logger
from kubeauth.providers.base import MACHINE_PATIENCE, Provider
from kubeauth.record import replace
from kubeauth.secret import fast_digest
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Final

    import msal

    from kubeauth.providers._entra.client import EntraClient

__all__ = ["PersonalProvider", "is_same_person", "showing"]

logger = Logger(__name__)

# How long to wait for a person, as long as Entra ID's device codes are valid; seconds.
PERSON_LIMIT: Final = 900.0
# The parts of MSAL's cache that make a session. The token cache has the access tokens.
_KEPT: Final = ("RefreshToken", "Account", "IdToken", "AppMetadata")


def is_same_person(hint: str, name: str) -> bool:
    """Return whether a login hint and an account's name mean one person.

    A guest has a name like ``dana_home.example#EXT#@host.onmicrosoft.com`` in the tenant that
    invited ``dana@home.example``.
    """
    hint, name = hint.lower().strip(), name.lower().strip()
    guest, mark, _ = name.partition("#ext#")
    if mark:
        local, _, domain = guest.rpartition("_")
        return hint in (name, f"{local}@{domain}")
    return hint == name


def showing(system: System | None, show: Callable[[str], None] | None) -> System:
    """Return the system, with ``show`` as its ``prompt`` if it is not None."""
    found = system or System()
    return found if show is None else replace(found, prompt=show)


class PersonalProvider(Provider):
    """A sign-in that needs a person once, and from then on a refresh token (RFC 6749 6).

    ``system.prompt`` shows the person what to do. Where it is None, a sign-in that needs them
    raises InteractionRequired.
    """

    login: ClassVar[str]

    @property
    def _patience(self) -> float:
        """How long to wait for the person, in seconds."""
        return self._settings.person_timeout or PERSON_LIMIT

    @property
    def _sign_in_goal(self) -> str:
        """For what, as whom and in which tenant the person signs in, to stand after "sign in"."""
        settings, purpose = self._settings, self._system.purpose
        if not purpose:
            unknown = f"the server {settings.server_id}"
            purpose = SERVER_NAMES.get(settings.server_id.lower(), unknown)
        who = f" as {settings.login_hint}" if settings.login_hint else ""
        return f" to {purpose}{who} in tenant {settings.tenant_id}"

    @classmethod
    def default_limits(cls, environ: Mapping[str, str]) -> dict[str, float]:
        """Return the limits of a machine's sign-in, and that of a person."""
        return {**super().default_limits(environ), "person_timeout": PERSON_LIMIT}

    @property
    def waits_for_others(self) -> float:
        """How long to wait for another process whose person is signing in, in seconds."""
        return MACHINE_PATIENCE if self._system.prompt is None else self._patience

    @property
    def renews_alone(self) -> bool:
        """Whether a session is stored, which renews the sign-in without the person."""
        return self._sessions.has(self.key())

    def share_session(self, other: PersonalProvider) -> None:
        """Let another provider of the same person use this one's session, if it has none.

        NOTE: Entra ID binds a refresh token to its application, not to a tenant or a resource. So
        do nothing unless the authority and the application are the same.
        """
        if (self._authority, self._settings.client_id) != (
            other._authority,
            other._settings.client_id,
        ):
            return
        session = self._sessions.get(self.key())
        if session and not other._sessions.has(other.key()):
            other._sessions.keep(other.key(), session)

    @property
    def _sessions(self) -> SessionStore:
        return SessionStore(self._store, self._system.warn)

    def _identity(self) -> dict[str, str]:
        """Add the person named by ``login_hint``, so that each person has their own session."""
        return {**super()._identity(), "hint": self._settings.login_hint.lower()}

    def _evidence(self) -> str:
        """Return a digest of the session, which another sign-in of the person replaces."""
        session = self._sessions.get(self.key()) or ""
        return fast_digest(session.encode())

    def _lock_name(self, key: Key) -> str:
        """Return the session's name: one person's sign-in serves every API server."""
        return key.session_digest

    def _check_possible(self, key: Key) -> None:
        if not self._sessions.has(key):
            self._person()

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        from kubeauth.providers._entra.client import EntraClient

        entra = EntraClient(
            self._settings,
            self._authority,
            self._system,
            limit=self._patience,
            proof=self._proof,
        )
        sessions = self._sessions
        session = entra.load_session(sessions.get(key))
        application = entra.public_application(session)
        token, refused = self._renewed(entra, application, scope)
        if refused is not None and refused.session_over:
            sessions.forget(key.session_digest)
        if token is None:
            self._person(refused)
            token = self._asked(entra, application, scope, key, begun)
        sessions.keep(key, _slim(session.serialize()))
        return token

    def _asked(
        self,
        entra: EntraClient,
        application: msal.PublicClientApplication,
        scope: str,
        key: Key,
        begun: float,
    ) -> AccessToken:
        """Have the person sign in, unless that has just failed for the same caller."""
        show, name, system = self._person(), key.session_digest, self._system
        asker = Asker(system.caller)
        failure = recent_failure(self._store, name, asker, begun, system.now())
        if failure is not None:
            raise failure
        try:
            token = self._ask_person(entra, application, scope, show)
            self._check_hint(application)
        except SignInError as error:
            keep_failure(self._store, name, error, asker, system.now())
            raise
        forget_failure(self._store, name)
        self.asked_person = True
        return token

    def _check_hint(self, application: msal.PublicClientApplication) -> None:
        """Raise SignInRefused if another person signed in than ``login_hint`` names.

        NOTE: otherwise a token of one person would be cached under another's name.
        """
        hint = self._settings.login_hint
        names = [str(account.get("username") or "") for account in application.get_accounts()]
        if not hint or not any(names) or any(is_same_person(hint, name) for name in names):
            return
        raise SignInRefused(
            f"login {self.login}: {', '.join(names)} signed in, but --login-hint names {hint}",
            hint=f"sign in as {hint} (sign the other account out first), or leave out --login-hint",
            code="other_person",
        )

    def _renewed(
        self, entra: EntraClient, application: msal.PublicClientApplication, scope: str
    ) -> tuple[AccessToken | None, SignInRefused | None]:
        """Return a token from the session, else None and the refusal, if there was a session.

        Raises SignInRefused if the person cannot help by signing in again.
        """
        accounts: list[Any] = application.get_accounts()
        if not accounts:
            return None, None
        entra.person = str(accounts[0].get("username") or entra.person)
        try:
            return entra.renewed_token(application, accounts[0], scope), None
        except SignInRefused as error:
            if not error.person_helps:
                raise
            logger.info("the session no longer works (%s)", error.code)
            application.remove_account(accounts[0])
            return None, error

    def _person(self, refused: SignInRefused | None = None) -> Callable[[str], None]:
        """Return the function that shows a text to the person, or raise InteractionRequired.

        ``refused`` is why the session no longer works.
        """
        if self._system.prompt is None:
            reason = f"login {self.login}" if refused is None else str(refused)
            about = self._sign_in_goal if refused is None else ""
            raise InteractionRequired(
                f"{reason}: a person must sign in{about}, but kubeauth cannot ask one here",
                hint="run the command once in a terminal (from Python, pass show=print), or use a "
                "login that needs no person (azurecli, spn, msi, workloadidentity)",
            )
        return self._system.prompt

    @abstractmethod
    def _ask_person(
        self,
        entra: EntraClient,
        application: msal.PublicClientApplication,
        scope: str,
        show: Callable[[str], None],
    ) -> AccessToken:
        """Ask the person to sign in, and return the token; ``show`` shows them a text."""


def _slim(session: str) -> str:
    """Return MSAL's cache without the access tokens."""
    kept = json.loads(session)
    return json.dumps({kind: kept[kind] for kind in _KEPT if kind in kept})
