"""A sign-in with a code that a person types in any browser (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable

from kubeauth.errors import SignInCancelled, Unreachable
from kubeauth.log import Logger
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    import msal

    from kubeauth.providers._entra.client import EntraClient

__all__ = ["token_by_code"]

logger = Logger(__name__)

# RFC 8628 3.5: the answers after which to ask again.
_PENDING: Final = frozenset({"authorization_pending", "slow_down"})


def token_by_code(
    entra: EntraClient,
    application: msal.PublicClientApplication,
    scope: str,
    system: System,
    show: Callable[[str], None],
    limit: float,
    open_page: Callable[[str], object] | None = None,
    about: str = "",
) -> AccessToken:
    """Show a code to the person, wait until they have used it, and return the token.

    ``open_page`` opens the page that takes the code. ``about`` says for what and as whom the person
    signs in. The person has ``limit`` seconds, or less if the code expires sooner. Continue after a
    lost connection or a server error. Raises SignInError.
    """
    entra.login = "devicecode"
    flow = entra.device_flow(application, scope)
    show(_instructions(flow, about))
    if open_page is not None:
        open_page(flow["verification_uri"])
    deadline = system.now() + min(flow["expires_in"], limit)

    def poll() -> dict[str, Any]:
        while system.now() < deadline:
            _wait(system, flow["interval"], deadline)
            try:
                answer = entra.answer(
                    # MSAL's own loop ends at the first fault; this makes it poll just once.
                    lambda: application.acquire_token_by_device_flow(
                        flow, exit_condition=lambda _: True, data=entra.data
                    )
                )
            except Unreachable as error:
                logger.info("still waiting for the person (%s)", error)
                continue
            if answer.get("error") not in _PENDING:
                return answer
        raise SignInCancelled(
            f"{entra.what}: the code was not used in time",
            hint="run the command again for a new code",
        )

    try:
        return entra.token(poll)
    finally:
        system.clear_progress()


def _wait(system: System, seconds: float, deadline: float) -> None:
    """Wait; at a terminal, show each second how much time is left until ``deadline``."""
    if system.progress is None:
        system.sleep(seconds)
        return
    while seconds > 0:
        system.show_time_left("the code to be used", deadline)
        system.sleep(min(1.0, seconds))
        seconds -= 1.0


def _instructions(flow: dict[str, Any], about: str) -> str:
    """Return the instructions, with the page and the code on separate lines to copy."""
    minutes = round(flow["expires_in"] / 60)
    return (
        f"To sign in{about}, open this page in any browser\n"
        f"    {flow['verification_uri']}\n"
        f"and type this code (good for {minutes} minutes)\n"
        f"    {flow['user_code']}"
    )
