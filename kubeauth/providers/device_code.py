"""Signing in as a person who types a code in any browser (RFC 8628)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kubeauth.errors import SignInCancelled, Unreachable
from kubeauth.providers.base import Options
from kubeauth.providers.person import PersonalProvider
from kubeauth.settings import Settings
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    import msal
    from typing_extensions import Unpack

    from kubeauth.providers._entra import Conversation

__all__ = ["DeviceCode"]

logger = logging.getLogger(__name__)

# RFC 8628 3.5: the answers after which to ask again.
_PENDING: Final = frozenset({"authorization_pending", "slow_down"})


class DeviceCode(PersonalProvider):
    """A person, who is shown a code and the page to type it on.

    The default shows nothing to anybody: hand in ``System(prompt=print)``, or what fits the place.
    """

    login: ClassVar[str] = "devicecode"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                **options,
            ),
            system,
        )

    def _ask_person(
        self,
        conversation: Conversation,
        application: msal.PublicClientApplication,
        scope: str,
        show: Callable[[str], None],
    ) -> AccessToken:
        flow = conversation.device_flow(application, scope)
        show(_instructions(flow))
        deadline = self._system.now() + flow["expires_in"]
        return conversation.token(lambda: self._poll(conversation, application, flow, deadline))

    def _poll(
        self,
        conversation: Conversation,
        application: msal.PublicClientApplication,
        flow: dict[str, Any],
        deadline: float,
    ) -> dict[str, Any]:
        """Ask until the person is done; a lost connection or a server in trouble ends nothing."""
        while self._system.now() < deadline:
            self._system.sleep(flow["interval"])
            try:
                answer = conversation.answer(
                    # MSAL's own loop gives up at the first fault; this makes it ask just once.
                    lambda: application.acquire_token_by_device_flow(
                        flow, exit_condition=lambda _: True
                    )
                )
            except Unreachable as error:
                logger.info("still waiting for the person (%s)", error)
                continue
            if answer.get("error") not in _PENDING:
                return answer
        raise SignInCancelled(
            f"{conversation.what}: the code was not used in time",
            hint="run the command again for a new code",
        )


def _instructions(flow: dict[str, Any]) -> str:
    """Write what the person is to do, the page and the code on lines of their own to copy."""
    minutes = round(flow["expires_in"] / 60)
    return (
        "To sign in, open this page in any browser\n"
        f"    {flow['verification_uri']}\n"
        f"and type this code (good for {minutes} minutes)\n"
        f"    {flow['user_code']}"
    )
