"""What the sign-ins of people share: once done, they are renewed without the person."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kubeauth.cache.tokens import Key
from kubeauth.errors import InteractionRequired, SignInRefused
from kubeauth.providers.base import Provider
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    import msal

    from kubeauth.providers._entra import Conversation

__all__ = ["PersonalProvider"]

logger = logging.getLogger(__name__)

# A person gets this long, whatever the limit for machines is; Entra ID's device codes live as long.
PERSON_LIMIT: Final = 900.0
# What MSAL keeps of a sign-in, without the access tokens: those have a place of their own.
_KEPT: Final = ("RefreshToken", "Account", "IdToken", "AppMetadata")


class PersonalProvider(Provider):
    """A sign-in that needs a person once, and from then on a refresh token (RFC 6749 6).

    ``system.prompt`` shows the person what to do. Where it is None, a sign-in that needs them
    raises InteractionRequired.
    """

    login: ClassVar[str]

    def _sign_in(self, scope: str, key: Key) -> AccessToken:
        kept = self._cache.session(key)
        if not kept:
            self._person()
        from kubeauth.providers._entra import Conversation, load_session

        conversation = Conversation(
            self._settings, self._authority, self._system, limit=PERSON_LIMIT
        )
        session = load_session(kept)
        application = conversation.public_application(session)
        token = self._renewed(conversation, application, scope)
        if token is None:
            self._cache.forget_session(key)
            token = self._ask_person(conversation, application, scope, self._person())
        self._cache.keep_session(key, _slim(session.serialize()))
        return token

    def _renewed(
        self, conversation: Conversation, application: msal.PublicClientApplication, scope: str
    ) -> AccessToken | None:
        """Give a token from the kept session, or None if only the person can give one."""
        accounts: list[Any] = application.get_accounts()
        if not accounts:
            return None
        try:
            return conversation.renewed_token(application, accounts[0], scope)
        except SignInRefused as error:
            if not error.session_over:
                raise
            logger.info("the kept sign-in is over (%s)", error.code)
            application.remove_account(accounts[0])
            return None

    def _person(self) -> Callable[[str], None]:
        """Give the way to show something to the person, or raise InteractionRequired."""
        if self._system.prompt is None:
            raise InteractionRequired(
                f"login {self.login}: a person has to sign in, and nobody can be asked here",
                hint="run the command once in a terminal, or use a login that needs nobody "
                "(azurecli, spn, msi, workloadidentity)",
            )
        return self._system.prompt

    @abstractmethod
    def _ask_person(
        self,
        conversation: Conversation,
        application: msal.PublicClientApplication,
        scope: str,
        show: Callable[[str], None],
    ) -> AccessToken:
        """Have the person sign in; ``show`` puts a text before them."""


def _slim(session: str) -> str:
    """Drop the access tokens from what MSAL keeps."""
    kept = json.loads(session)
    return json.dumps({kind: kept[kind] for kind in _KEPT if kind in kept})
