"""Sources of federated tokens, which prove an application: a file, a variable, a CI system.

Read the source at every exchange, since these tokens live for minutes ("Workload identity
federation" in Microsoft's documentation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeauth import _env
from kubeauth.adapters.child_environ import for_tool
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import ca_places, unreachable
from kubeauth.clouds import CHINA, PUBLIC, US_GOVERNMENT, find_cloud
from kubeauth.errors import (
    KubeauthError,
    SettingsError,
    SignInError,
    SignInRefused,
    Unreachable,
)
from kubeauth.files import read_text
from kubeauth.jwt import claims_of
from kubeauth.options.settings import Settings
from kubeauth.providers._http_session import session_for
from kubeauth.providers._program import Advice, last_line, output_of
from kubeauth.record import Record
from kubeauth.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["KINDS", "Source", "audience_of", "called", "find_source"]

KINDS: Final = (
    "file:PATH, env:NAME, command:PROGRAM, github, azure-pipelines, gitlab:NAME, "
    "msi[:CLIENT_ID], gcp or detect"
)
# A command that mints a token may have to sign in itself.
_COMMAND_LIMIT: Final = 60.0


class Source(Record):
    """A source of federated tokens.

    ``name`` is for people; ``identity`` is part of the cache key. ``read`` returns a token; it
    raises SettingsError if the source is not available here, and SignInError if it failed.
    ``mints``: the source issues a new token for each call. Otherwise a token is stored, in ``file``
    if that is set.
    """

    name: str
    identity: str
    read: Callable[[], str]
    mints: bool = True
    file: str = ""

    @property
    def bearer(self) -> str:
        """The issuer and subject of a stored token; "" if the source issues new tokens.

        On the same machine, the next job may store another identity's token in this place.
        """
        if self.mints:
            return ""
        try:
            claims = claims_of(self.read().strip())
        except KubeauthError:  # told when a token is needed
            return ""
        return " ".join(str(claims.get(name)) for name in ("iss", "sub", "aud"))


def find_source(settings: Settings, system: System, authority: str, *, only: str = "") -> Source:
    """Return the source that ``settings`` name, else the first that is available here.

    A source or a file in the settings always wins. Otherwise try GitHub's endpoint first, as
    Azure/kubelogin does, then the file of AZURE_FEDERATED_TOKEN_FILE, then Azure Pipelines.
    ``only`` names the single source of a login. Raises SettingsError if no source is available.
    """
    kind, _, value = (only or settings.assertion_source).partition(":")
    environ, file = system.environ, settings.federated_token_file
    if kind and kind != "detect":
        return _named(kind, value, settings, system, authority)
    if file and settings.origins.get("federated_token_file") != _env.AZURE_FEDERATED_TOKEN_FILE:
        return _file(file)
    if settings.assertion:
        origin = settings.origins.get("assertion", "assertion")
        return Source(origin, "assertion", lambda: settings.assertion, mints=False)
    connection = settings.azure_pipelines_service_connection_id
    # Terraform's endpoint is GitHub's unless a service connection says that it is Azure's.
    offered = _endpoint(settings, environ, _env.GITHUB_ENDPOINT)
    pipelines = _endpoint(settings, environ, _env.PIPELINES_ENDPOINT)
    theirs = connection and offered == pipelines
    if not theirs and all(environ.get(name) for name in offered):
        return _github(settings, system, authority)
    if file:
        return _file(file)
    if connection and all(environ.get(name) for name in pipelines):
        return _pipelines(settings, system)
    hint = "name a file with --federated-token-file, or another source with --assertion-source"
    if environ.get("GITHUB_ACTIONS"):
        hint = "give the job `permissions: id-token: write`"
    raise SettingsError(
        f"login {settings.login}: found no federated token here "
        "(--federated-token-file is required, or --assertion-source)",
        hint=hint,
    )


def called(give: Callable[[], str]) -> Source:
    """Return a source that calls ``give`` for each exchange.

    NOTE: what else than a KubeauthError it raises is named by its type only; its text could hold a
    secret.
    """
    name = f"{give.__module__}.{getattr(give, '__qualname__', type(give).__qualname__)}"
    hint = "call it by hand; it has to return one token (JWT) as text"

    def read() -> str:
        try:
            token = give()
        except KubeauthError:
            raise
        except Exception as error:
            what = f"assertion-source: {name} failed ({type(error).__name__})"
            raise SignInRefused(what, hint=hint, code="no_assertion") from error
        if not isinstance(token, str):
            what = f"assertion-source: {name} returned no text ({type(token).__name__})"
            raise SignInRefused(what, hint=hint, code="no_assertion")
        return token

    return Source(name, f"callable:{name}", read)


def audience_of(settings: Settings, authority: str, environ: Mapping[str, str]) -> str:
    """Return the audience that a token must have: the setting's, else the cloud's."""
    if settings.assertion_audience:
        return settings.assertion_audience
    named = next((c for c in (PUBLIC, US_GOVERNMENT, CHINA) if c.authority == authority), None)
    return (named or find_cloud(settings.environment, environ)).token_exchange_audience


def _named(kind: str, value: str, settings: Settings, system: System, authority: str) -> Source:
    if kind == "github" and not value:
        return _github(settings, system, authority)
    if kind == "azure-pipelines" and not value:
        return _pipelines(settings, system)
    if kind == "file" and value:
        return _file(value)
    if kind in ("env", "gitlab") and value:
        return _variable(kind, value, system)
    if kind == "command" and value:
        return _command(value, settings, system)
    raise SettingsError(
        f"assertion-source: {settings.assertion_source!r} is no source of tokens",
        hint=f"use {KINDS}",
    )


def _file(path: str) -> Source:
    def read() -> str:
        try:
            text = read_text(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise SettingsError(
                f"federated-token-file: cannot read {path} ({reason})",
                hint="in a pod, check that it carries the label azure.workload.identity/use=true; "
                "elsewhere name the file with --federated-token-file",
            ) from error
        if not text.strip():
            raise SettingsError(
                f"federated-token-file: {path} is empty",
                hint="have its issuer write a token into it first",
            )
        return text

    return Source(f"federated-token-file {path}", f"file:{path}", read, mints=False, file=path)


def _variable(kind: str, name: str, system: System) -> Source:
    def read() -> str:
        text = system.environ.get(name, "")
        if not text:
            gitlab = f"declare {name} with its aud under `id_tokens:` of the job"
            raise SettingsError(
                f"assertion-source: the variable {name} is not set",
                hint=gitlab if kind == "gitlab" else f"set {name} to a token",
            )
        return text

    return Source(f"the variable {name}", f"env:{name}", read, mints=False)


def _command(text: str, settings: Settings, system: System) -> Source:
    from kubeauth.adapters.programs import split_command

    try:
        argv = split_command(text)
    except ValueError:
        argv = []
    if not argv:
        raise SettingsError(
            "assertion-source: the command cannot be read",
            hint="write it as for a shell, with quotes that are closed",
        )

    advice = Advice(
        not_started="check the command in --assertion-source, and run it by hand",
        too_slow="run it by hand; --timeout sets its limit",
        failed=lambda _: "run it by hand; it has to print one token and nothing else",
    )

    def read() -> str:
        return output_of(
            argv,
            system,
            environ=for_tool(system.environ),
            limit=settings.timeout or _COMMAND_LIMIT,
            what="assertion-source",
            shown=f"the command {argv[0]}",
            advice=advice,
            complaint_in=last_line,
        )

    return Source(f"the command {argv[0]}", f"command:{text}", read)


def _github(settings: Settings, system: System, authority: str) -> Source:
    """GitHub Actions ("OpenID Connect reference" in GitHub's documentation)."""
    names = _endpoint(settings, system.environ, _env.GITHUB_ENDPOINT)
    url, token = (system.environ.get(name, "") for name in names)
    audience = audience_of(settings, authority, system.environ)

    def read() -> str:
        if not (url and token):
            raise SettingsError(
                "assertion-source: GitHub Actions offers this job no token "
                f"({' and '.join(names)} are not set)",
                hint="give the job `permissions: id-token: write`",
            )
        from urllib.parse import quote

        full = f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"
        headers = {"Authorization": f"bearer {token}", "Accept": "application/json"}
        return _asked("GitHub Actions", "GET", full, headers, "value", settings, system)

    # The address belongs to one job, so another job on the machine does not get its token.
    return Source("GitHub Actions", f"github:{url}:{audience}", read)


def _endpoint(
    settings: Settings, environ: Mapping[str, str], usual: tuple[str, str]
) -> tuple[str, str]:
    """Return the names of the variables that hold an endpoint's address and its token.

    They are the ``usual`` ones, or Terraform's if it is to be obeyed and they are set.
    """
    if settings.use_azurerm_env_vars and environ.get(_env.ARM_OIDC_ENDPOINT[0]):
        return _env.ARM_OIDC_ENDPOINT
    return usual


def _pipelines(settings: Settings, system: System) -> Source:
    """Azure Pipelines ("Oidctoken - Create" in the Azure DevOps REST API)."""
    names = _endpoint(settings, system.environ, _env.PIPELINES_ENDPOINT)
    uri, token = (system.environ.get(name, "") for name in names)
    connection = settings.azure_pipelines_service_connection_id

    def read() -> str:
        if not uri or not token:
            missing = names[1] if uri else names[0]
            raise SettingsError(
                f"assertion-source: Azure Pipelines offers no token ({missing} is not set)",
                hint=f"in the step, write `env: {{{names[1]}: $(System.AccessToken)}}`"
                if uri
                else "this source works in Azure Pipelines only",
            )
        if not connection:
            raise SettingsError(
                "assertion-source: Azure Pipelines asks which service connection is meant",
                hint="give --azure-pipelines-service-connection-id",
            )
        from urllib.parse import quote

        mark = "&" if "?" in uri else "?"
        full = f"{uri}{mark}api-version=7.1&serviceConnectionId={quote(connection, safe='')}"
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            # Without it, a refusal would be a redirect to a sign-in page.
            "X-TFS-FedAuthRedirect": "Suppress",
        }
        return _asked("Azure Pipelines", "POST", full, headers, "oidcToken", settings, system)

    return Source("Azure Pipelines", f"azure-pipelines:{uri}:{connection}", read)


_REFUSED_HINTS: Final = {
    "GitHub Actions": "check the job's `permissions: id-token: write`; a fork's run has none",
    "Azure Pipelines": "check --azure-pipelines-service-connection-id, that the pipeline may use "
    "that connection, and that SYSTEM_ACCESSTOKEN is this job's $(System.AccessToken)",
}


def _asked(
    who: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    field: str,
    settings: Settings,
    system: System,
) -> str:
    """Return a token from a CI system. NOTE: never quote its answer: it could hold the token."""
    what = f"a federated token from {who}"
    session = session_for(settings, system)
    body = b"" if method == "POST" else None
    try:
        answer = session.request(method, url, headers=dict(headers), data=body)
    except RequestFailed as error:
        raise unreachable(what, error, ca_places(system.environ)) from error
    finally:
        session.close()
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Unreachable(f"{what}: HTTP {answer.status_code}", hint="run the job again")
    if answer.status_code >= 300:
        raise _refused(who, what, f"HTTP {answer.status_code}")
    try:
        token = answer.json()[field]
    except (ValueError, KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token:
        raise _refused(who, what, "its answer holds no token")
    return token


def _refused(who: str, what: str, why: str) -> SignInError:
    return SignInRefused(f"{what}: {why}", hint=_REFUSED_HINTS[who], code="no_assertion")
