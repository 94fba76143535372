"""Several ways to sign in, of which the first that is possible here is taken."""

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
    """The first of ``members`` that can sign in, and from then on no other.

    A member is a credential, or a function that makes one when its turn comes: what is missing then
    (a variable, a file) only means that it is the next one's turn.

    NOTE: a member that Entra ID knows and refuses, or whose person declines, ends the search with
    its error. To go on would be to act as somebody else without a word.
    """

    def __init__(self, *members: Credential | Callable[[], Credential]) -> None:
        if not members:
            raise SettingsError("a chain has no members", hint="give it at least one credential")
        self._members = members
        self._chosen: Credential | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Chain({', '.join(_name(member) for member in self._members)})"

    @property
    def chosen(self) -> Credential | None:
        """The member that signs in, None as long as none has."""
        return self._chosen

    def token(self) -> AccessToken:
        """Give a token of the chosen member, or choose one; see Credential.

        Raises SignInError that names what each member lacks.
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
            f"none of {len(self._members)} ways to sign in is possible here "
            f"({'; '.join(failures)})",
            hint="mend one of them, each says what it lacks",
        )

    def renewed(self, rejected: AccessToken, *, worked: bool = False) -> AccessToken:
        """Have the member that gave the rejected token replace it; see Credential."""
        chosen = self._chosen
        return self.token() if chosen is None else chosen.renewed(rejected, worked=worked)

    def for_scope(self, scope: str, *, tenant_id: str = "", claims: str = "") -> Credential:
        """Give the chosen member, or a chain of all, for another resource; see Credential."""

        def meant(member: Credential) -> Credential:
            return member.for_scope(scope, tenant_id=tenant_id, claims=claims)

        def later(member: Credential | Callable[[], Credential]) -> Callable[[], Credential]:
            return lambda: meant(member if isinstance(member, Credential) else member())

        if self._chosen is not None:
            return meant(self._chosen)
        return Chain(*(later(member) for member in self._members))


def _name(member: Credential | Callable[[], Credential]) -> str:
    if isinstance(member, Credential):
        return type(member).__name__
    return getattr(member, "__name__", type(member).__name__)
