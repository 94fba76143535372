"""Federated tokens that a cloud's machine gives: a managed identity's, and a Google account's.

Sources: "Configure an application to trust a managed identity" in Microsoft's documentation;
"Verify the identity of a virtual machine" in Google's (the request, ``Metadata-Flavor``).
"""

from __future__ import annotations

import re

from kubeauth import _env
from kubeauth.adapters.answer import Answer
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import unreachable
from kubeauth.errors import KubeauthError, SettingsError, SignInRefused, Unreachable
from kubeauth.jwt import claims_of
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.assertions import Source, audience_of
from kubeauth.providers._http_session import session_for
from kubeauth.providers._identity.answers import ELSEWHERE
from kubeauth.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["google", "managed_identity"]

_GOOGLE: Final = "a federated token from Google's metadata server"
_GOOGLE_HOST: Final = "metadata.google.internal"
_GOOGLE_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/identity"
_NOT_GOOGLE: Final = "gcp works on Google Cloud only; elsewhere name another --assertion-source"
_NO_ACCOUNT: Final = (
    "attach a service account to this machine; in GKE, let the pod's service account act as one"
)


def managed_identity(client_id: str, settings: Settings, system: System, authority: str) -> Source:
    """Return the source ``msi``: this machine's managed identity vouches for an application.

    ``client_id`` names a user-assigned identity; "" leaves the choice to the machine.
    """
    from kubeauth.providers.managed_identity import ManagedIdentity

    own = Settings(
        login="msi",
        server_id=audience_of(settings, authority, system.environ),
        client_id=client_id,
        ca_file=settings.ca_file,
        timeout=settings.timeout,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        # NOTE: who can read a kept assertion can become the application.
        cache_storage="none",
    )
    provider = ManagedIdentity.from_settings(own, system)

    def read() -> str:
        try:
            return provider.token().token
        except KubeauthError as error:
            error.hint = _hint_of_msi(error.hint)
            raise

    name = f"the managed identity {client_id}".rstrip()
    return Source(name, f"msi:{provider.key().digest}", read)


def _hint_of_msi(hint: str) -> str:
    """Return the hint of the login ``msi`` in the words of ``--assertion-source``."""
    if hint == ELSEWHERE:
        return "msi works on Azure machines only; elsewhere name another --assertion-source"
    if hint.startswith("leave out"):
        return "write --assertion-source msi, without an id"
    if "--client-id" in hint:
        return "assign the identity to this machine, and name it: --assertion-source msi:CLIENT_ID"
    return hint.replace("--server-id", "--assertion-audience")


def google(settings: Settings, system: System, authority: str) -> Source:
    """Return the source ``gcp``: the service account of this machine or pod in Google Cloud."""
    audience = audience_of(settings, authority, system.environ)
    host = system.environ.get(_env.GCE_METADATA_HOST) or _GOOGLE_HOST

    def read() -> str:
        if not re.fullmatch(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?", host, re.ASCII):
            raise SettingsError(
                f"{_env.GCE_METADATA_HOST}: {host!r} is not a host",
                hint=f"unset {_env.GCE_METADATA_HOST}, or set it to HOST or HOST:PORT",
            )
        session = session_for(settings, system, machine=True)
        try:
            answer = session.get(
                f"http://{host}{_GOOGLE_PATH}",
                params={"audience": audience},
                headers={"Metadata-Flavor": "Google"},
            )
        except RequestFailed as error:
            raise Unreachable(str(unreachable(_GOOGLE, error)), hint=_NOT_GOOGLE) from error
        finally:
            session.close()
        return _token_of(answer, audience)

    return Source("Google's metadata server", f"gcp:{host}:{audience}", read)


def _token_of(answer: Answer, audience: str) -> str:
    """Return the token in Google's answer. NOTE: never quote the answer: it could hold one."""
    status = answer.status_code
    if answer.headers.get("Metadata-Flavor") != "Google":
        raise Unreachable(
            f"{_GOOGLE}: something else answers in its place (HTTP {status})", hint=_NOT_GOOGLE
        )
    if status == 429 or status >= 500:
        raise Unreachable(f"{_GOOGLE}: HTTP {status}", hint="try again in a minute")
    if status == 404:
        raise _refused("this machine has no service account (HTTP 404)", _NO_ACCOUNT)
    if status != 200:
        raise _refused(f"HTTP {status}", "check --assertion-audience")
    token = answer.text.strip()
    said = claims_of(token).get("aud")
    if said not in (audience, [audience]):
        what = f"is for {said}, not for {audience}" if said else "has no audience"
        raise _refused(f"its token {what}", _NOT_GOOGLE)
    return token


def _refused(why: str, hint: str) -> SignInRefused:
    return SignInRefused(f"{_GOOGLE}: {why}", hint=hint, code="no_assertion")
