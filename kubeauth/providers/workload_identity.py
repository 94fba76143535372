"""Signing in as an application with a token that somebody else issued (RFC 7523 2.2)."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kubeauth.cache.tokens import Key
from kubeauth.errors import SettingsError, SignInRefused
from kubeauth.providers._refusals import NO_FEDERATED_CREDENTIAL
from kubeauth.providers.base import Options, Provider
from kubeauth.settings import Settings
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["WorkloadIdentity"]


class WorkloadIdentity(Provider):
    """An application that trusts an outside issuer: Kubernetes service accounts, CI systems.

    ``federated_token_file`` is read anew at every exchange, since its owner replaces it before the
    token in it expires ("Azure AD Workload Identity", Service Account Token Volume Projection).
    """

    login: ClassVar[str] = "workloadidentity"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        federated_token_file: str,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                federated_token_file=federated_token_file,
                **options,
            ),
            system,
        )

    def _identity(self) -> dict[str, str]:
        return {**super()._identity(), "assertion": self._settings.federated_token_file}

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        from kubeauth.providers._entra import Conversation

        assertion = self._read_assertion()
        claims = _claims(assertion)
        self._check_time(claims)
        conversation = Conversation(self._settings, self._authority, self._system)
        try:
            return conversation.client_token(lambda _: assertion, scope)
        except SignInRefused as error:
            if error.code not in NO_FEDERATED_CREDENTIAL:
                raise
            said = "; ".join(f"{name}: {claims.get(name)}" for name in ("iss", "sub", "aud"))
            raise SignInRefused(
                f"{error} - the federated token says {said}", hint=error.hint, code=error.code
            ) from error

    def _read_assertion(self) -> str:
        path = self._settings.federated_token_file
        try:
            text = Path(path).expanduser().read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise SettingsError(
                f"federated-token-file: cannot read {path} ({reason})",
                hint="in a pod, check that it carries the label azure.workload.identity/use=true; "
                "elsewhere name the file with --federated-token-file",
            ) from error
        if not text:
            raise SettingsError(
                f"federated-token-file: {path} is empty",
                hint="have its issuer write a token into it first",
            )
        return text

    def _check_time(self, claims: dict[str, Any]) -> None:
        """Refuse a token that Entra ID would refuse, and say by how much it is late."""
        expiry = claims.get("exp")
        late = self._system.now() - expiry if isinstance(expiry, (int, float)) else 0
        if late <= 0 or expiry is None:
            return
        when = datetime.fromtimestamp(expiry, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise SignInRefused(
            f"federated-token-file: the token in {self._settings.federated_token_file} expired "
            f"{_span(late)} ago, at {when}",
            hint="have a new one written; tokens of CI systems live only minutes",
            code="AADSTS700024",
        )


def _claims(assertion: str) -> dict[str, Any]:
    """Give what a JWT claims, unverified; {} for one whose inside cannot be read."""
    part = assertion.split(".")[1] if assertion.count(".") >= 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _span(seconds: float) -> str:
    """Write a length of time as a person would say it."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
