"""The login ``devicecode``: a person types a code in any browser (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable

from kubeauth.jwt import whose
from kubeauth.options.settings import Settings
from kubeauth.providers._bases.person import PersonalProvider, showing
from kubeauth.providers._entra.device_flow import token_by_code
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    import msal
    from typing_extensions import Unpack

    from kubeauth.providers._entra.client import EntraClient
    from kubeauth.providers.options import Options

__all__ = ["DeviceCode"]


class DeviceCode(PersonalProvider):
    """A person who types a code on a page, in any browser.

    ``show`` shows a text to the person, for example ``show=print`` in a notebook. Without it, a
    sign-in that needs the person raises InteractionRequired. ``login_hint`` names the person; each
    person has a session of their own. ``open`` also opens the page, if there is a browser; the
    person still has to type the code. ``qr`` also shows the page's address as a QR code for a phone
    (needs the extra ``kubeauth[qr]``).
    """

    login: ClassVar[str] = "devicecode"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        login_hint: str = "",
        open: bool = False,  # noqa: A002  # the flag's name
        qr: bool = False,
        show: Callable[[str], None] | None = None,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                login_hint=login_hint,
                open=open,
                qr=qr,
                **options,
            ),
            showing(system, show),
        )

    def _ask_person(
        self,
        entra: EntraClient,
        application: msal.PublicClientApplication,
        scope: str,
        show: Callable[[str], None],
    ) -> AccessToken:
        def show_page(url: str) -> None:
            if self._settings.qr:
                from kubeauth.providers._entra.qr import qr_code

                show(qr_code(url))
            if self._settings.open:
                self._system.open_browser(url, self._system.environ)

        limit = self._patience
        token = token_by_code(
            entra, application, scope, self._system, show, limit, show_page, self._sign_in_goal
        )
        who, hint = whose(token.token), self._settings.login_hint
        if hint and "@" in who and who.lower() != hint.lower():
            self._system.warn(f"{who} signed in, not {hint}")
        return token
