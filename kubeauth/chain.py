"""A chain of credentials: use the first one that can sign in here."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kubeauth.credential import Credential
from kubeauth.errors import (
    KubeauthError,
    SettingsError,
    SignInCancelled,
    SignInError,
    SignInRefused,
)
from kubeauth.token import AccessToken

__all__ = ["Chain"]

_ENTRA_ID = "AADSTS"


class Chain(Credential):
    """The first of ``members`` that can sign in; once found, the chain uses no other.

    A member is a credential, or a function that makes one when its turn comes. If a member lacks
    something (a variable, a file), the chain tries the next one.

    NOTE: if Entra ID refuses a member, or the person declines, the search ends with that error.
    Trying the next member would silently act as another identity.
    """

    def __init__(self, *members: Credential | Callable[[], Credential]) -> None:
        if not members:
            raise SettingsError(
                "a chain has no members", hint="pass at least one credential to Chain"
            )
        self._members = members
        self._chosen: Credential | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Chain({', '.join(_name(member) for member in self._members)})"

    @property
    def chosen(self) -> Credential | None:
        """The member that signs in; None before the first token."""
        return self._chosen

    def token(self) -> AccessToken:
        """Return a token of the chosen member; choose one at the first call. See Credential.

        Raises SignInError, which names what each member lacks, if no member can sign in.
        """
        chosen = self._chosen
        if chosen is not None:
            return chosen.token()
        with self._lock:
            return self._chosen.token() if self._chosen is not None else self._first_token()

    def _first_token(self) -> AccessToken:
        failures = []
        for member in self._members:
            try:
                credential = member if isinstance(member, Credential) else member()
                token = credential.token()
            except SignInCancelled:
                raise
            except KubeauthError as error:
                if isinstance(error, SignInRefused) and error.code.startswith(_ENTRA_ID):
                    raise
                failures.append(f"{_name(member)}: {error}")
            else:
                self._chosen = credential
                return token
        raise SignInError(
            f"none of the {len(self._members)} credentials of the chain can sign in here "
            f"({'; '.join(failures)})",
            hint="supply what one of them lacks, as listed above",
        )

    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Replace the rejected token through the chosen member; see Credential."""
        chosen = self._chosen
        return self.token() if chosen is None else chosen.renewed(rejected, worked=worked)

    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> Credential:
        """Return a credential for another resource; see Credential.

        This is the chosen member's, or before the first token a chain of all members'.
        """

        def rescoped(member: Credential) -> Credential:
            return member.for_scope(scope, tenant_id=tenant_id, claims=claims)

        def later(member: Credential | Callable[[], Credential]) -> Callable[[], Credential]:
            return lambda: rescoped(member if isinstance(member, Credential) else member())

        if self._chosen is not None:
            return rescoped(self._chosen)
        return Chain(*(later(member) for member in self._members))


def _name(member: Credential | Callable[[], Credential]) -> str:
    if isinstance(member, Credential):
        return type(member).__name__
    return getattr(member, "__name__", type(member).__name__)
