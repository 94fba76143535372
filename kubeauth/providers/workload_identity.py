"""The login ``workloadidentity``: an application with a federated token (RFC 7523 2.2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from kubeauth import _env
from kubeauth.cache.tokens import Key
from kubeauth.errors import KubeauthError, SettingsError, SignInRefused
from kubeauth.jwt import claims_of
from kubeauth.options.duration import spoken_duration
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.assertions import Source, audience_of, called, find_source
from kubeauth.providers._entra.refusals import matches_no_credential
from kubeauth.providers.base import Finding, Provider
from kubeauth.secret import fast_digest
from kubeauth.system import System
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Final

    from typing_extensions import Unpack

    from kubeauth.providers._entra.binding import Binding
    from kubeauth.providers.options import Options

__all__ = ["WorkloadIdentity"]

# RFC 7515 7.1: three parts in base64url.
_JWT: Final = r"[\w-]+\.[\w-]+\.[\w-]+"


class WorkloadIdentity(Provider):
    """An application that trusts an outside issuer: Kubernetes service accounts, CI systems.

    Each sign-in reads ``federated_token_file`` again, since its owner replaces it before the token
    in it expires ("Azure AD Workload Identity", Service Account Token Volume Projection).
    ``assertion_source`` names another source of the token: ``file:PATH``, ``env:NAME``,
    ``command:PROGRAM``, ``github``, ``azure-pipelines``, ``gitlab:NAME``, ``msi[:CLIENT_ID]``,
    ``gcp`` or ``detect``. It may also be a callable, which returns a token or raises.
    ``assertion_audience`` is the audience to request from a source instead of the cloud's.
    """

    login: ClassVar[str] = "workloadidentity"
    # The program's own source, which wins over the settings.
    _give_assertion: Callable[[], str] | None = None

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        federated_token_file: str = "",
        assertion_source: str | Callable[[], str] = "",
        assertion_audience: str = "",
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        named = assertion_source if isinstance(assertion_source, str) else ""
        self._give_assertion = None if isinstance(assertion_source, str) else assertion_source
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                federated_token_file=federated_token_file,
                assertion_source=named,
                assertion_audience=assertion_audience,
                **options,
            ),
            system,
        )

    @classmethod
    def findings(cls, settings: Settings, system: System, authority: str) -> Iterator[Finding]:
        """Yield the source of the federated token."""
        try:
            source = cls._find_source(settings, system, authority)
        except SettingsError as error:
            yield "(assertion)", f"none: {error}", ""
            return
        asked = "assertion_source" if settings.assertion_source else "federated_token_file"
        yield "(assertion)", source.name, settings.origins.get(asked, "detected")

    @classmethod
    def _find_source(cls, settings: Settings, system: System, authority: str) -> Source:
        kind, colon, value = settings.assertion_source.partition(":")
        if kind == "msi" and bool(value) == bool(colon):
            from kubeauth.providers._machine_assertions import managed_identity

            return managed_identity(value, settings, system, authority)
        if settings.assertion_source == "gcp":
            from kubeauth.providers._machine_assertions import google

            return google(settings, system, authority)
        return find_source(settings, system, authority)

    @property
    def _source(self) -> Source:
        if self._give_assertion is not None:
            return called(self._give_assertion)
        return self._find_source(self._settings, self._system, self._authority)

    def _identity(self) -> dict[str, str]:
        source = self._source
        return {**super()._identity(), "assertion": source.identity, "bearer": source.bearer}

    def _evidence(self) -> str:
        """Return a digest of the federated token, unless it is minted for each sign-in."""
        source = self._source
        if source.mints:
            return ""
        try:
            return fast_digest(source.read().encode())
        except (KubeauthError, ValueError):  # the sign-in says why
            return ""

    def stamped_files(self) -> Iterable[str]:
        """Return the file of the federated token, if there is one."""
        file = self._source.file
        return (os.path.expanduser(file),) if file else ()

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        import re

        source = self._source
        assertion = source.read().strip()
        claims = claims_of(assertion)
        if not claims or not re.fullmatch(_JWT, assertion, re.ASCII):
            what = f"{source.name}: what it gave is not a signed token (JWT)"
            hint = "have it give the token alone, without quotes or a header"
            if source.mints:
                raise SignInRefused(what, hint=hint, code="no_assertion")
            raise SettingsError(what, hint=hint)
        self._check_time(source, claims)
        from kubeauth.providers._entra.client import EntraClient

        binding = self._binding()
        entra = EntraClient(
            self._settings, self._authority, self._system, proof=self._proof, binding=binding
        )
        try:
            # MSAL would request information about the user, but there is no user here.
            no_user = {"client_info": None}
            return entra.client_token(lambda _: assertion, scope, no_user)
        except SignInRefused as error:
            if not matches_no_credential(error.code):
                raise
            named = "; ".join(f"{name}: {claims.get(name)}" for name in ("iss", "sub", "aud"))
            raise SignInRefused(
                f"{error} - the federated token says {named}",
                hint=f"{error.hint}: issuer {claims.get('iss')}, subject {claims.get('sub')}, "
                f"audience {claims.get('aud')}, all exactly{self._other_audience(claims)}",
                code=error.code,
            ) from error

    def _binding(self) -> Binding | None:
        """Return where a pod with identity binding sends its requests; raises SettingsError."""
        environ = self._system.environ
        if self._settings.disable_environment_override:
            return None
        if not environ.get(_env.AZURE_KUBERNETES_TOKEN_PROXY):
            return None
        from kubeauth.providers._entra.binding import find_binding

        return find_binding(environ)

    def _other_audience(self, claims: dict[str, Any]) -> str:
        """Return a clause that names the cloud's audience if the token is for another one."""
        usual = audience_of(self._settings, self._authority, self._system.environ)
        if claims.get("aud") in (usual, [usual]):
            return ""
        return f"; or have the token issued for {usual}"

    def _check_time(self, source: Source, claims: dict[str, Any]) -> None:
        """Refuse an expired token before Entra ID does, and say how long ago it expired."""
        expiry = claims.get("exp")
        if not isinstance(expiry, (int, float)) or isinstance(expiry, bool):
            return
        late = self._system.now() - expiry
        if late <= 0:
            return
        from datetime import datetime, timezone

        try:
            when = datetime.fromtimestamp(expiry, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (ValueError, OverflowError, OSError):
            when = str(expiry)
        raise SignInRefused(
            f"{source.name}: its token expired {spoken_duration(late)} ago, at {when}",
            hint="have a new one written (in GitLab CI, raise the job's timeout), or name a source "
            "that issues them anew with --assertion-source (github, azure-pipelines, command:…)",
            code="AADSTS700024",
        )
