"""The login ``auto``: a person signs in in the browser, or with a device code without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from kubeauth.providers._entra.device_flow import token_by_code
from kubeauth.providers.interactive import Interactive
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    import msal

    from kubeauth.providers._entra.client import EntraClient

__all__ = ["Auto"]


class Auto(Interactive):
    """A person who signs in in the browser, or with a device code where no browser can open.

    The browser comes first, since Conditional Access often refuses codes; the code is for SSH and
    containers. Takes the arguments of ``Interactive``.
    """

    login: ClassVar[str] = "auto"

    def _ask_person(
        self,
        entra: EntraClient,
        application: msal.PublicClientApplication,
        scope: str,
        show: Callable[[str], None],
    ) -> AccessToken:
        if self._opens_browser():
            return super()._ask_person(entra, application, scope, show)
        limit, about = self._patience, self._sign_in_goal
        return token_by_code(entra, application, scope, self._system, show, limit, about=about)
