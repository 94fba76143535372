"""Signing in as a person, in the browser where one can open and by a code elsewhere."""

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
    """A person, signed in with what this place has to offer.

    In the browser, since Conditional Access often refuses codes; but over SSH or in a container,
    where no browser opens, with a code. Takes what ``Interactive`` takes.
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
        return token_by_code(entra, application, scope, self._system, show, self._patience)
