"""The use-case of `get-credentials`: from a cluster's name to a context that kubectl can use."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from kubeauth.errors import KubeauthError, SettingsError
from kubeauth.jwt import whose
from kubeauth.kubeconfig.files import find_files
from kubeauth.resource_manager.clusters import ManagedCluster
from kubeauth_plugin.aks.cluster import find_credentials, local_accounts_only, remarks
from kubeauth_plugin.aks.merge import as_text
from kubeauth_plugin.aks.sign_in import Account, client_for_cluster, share_session, sign_in
from kubeauth_plugin.aks.subscription import ask_at_terminal, choose_subscription
from kubeauth_plugin.aks.write import (
    Credentials,
    StaticCredentials,
    converted,
    read_credentials,
    write,
)
from kubeauth_plugin.convert.approval import approve_typed
from kubeauth_plugin.convert.command import command_for_kubectl
from kubeauth_plugin.convert.plan import Plan
from kubeauth_plugin.convert.request import ConvertRequest, request_warnings
from kubeauth_plugin.diagnostics import naming_variables, warn
from kubeauth_plugin.output import harmless
from kubeauth_plugin.trust.rule import quoted

__all__ = ["CredentialRequest", "Fetched", "fetch"]

_STDOUT: Final = "-"
# What counts for the sign-in now, and is not for a kubeconfig.
_NOT_WRITTEN: Final = frozenset({"login", "force_refresh"})


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What was typed. ``typed`` are sign-in flags as text, by field of Settings."""

    resource_group: str
    name: str
    subscription: str = ""
    context: str = ""
    file: str = ""
    overwrite: bool = False
    public_fqdn: bool = False
    resource_manager: str = ""
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What there is now. ``until`` is in epoch seconds; ``text`` is for stdout, if that was asked.

    ``who`` signed in to Resource Manager, and their token is valid ``until`` then.
    """

    credentials: Credentials
    file: str
    login: str
    who: str
    until: int
    next_command: str
    text: str = field(default="", repr=False)

    @property
    def line(self) -> str:
        """The closing line for a person."""
        when = datetime.fromtimestamp(self.until).astimezone().strftime("%Y-%m-%d %H:%M %Z")
        credentials = self.credentials
        return harmless(
            f"context {credentials.context}: {credentials.server}, signed in as {self.who} until "
            f"{when}; next: {self.next_command}"
        )

    def as_json(self) -> str:
        """Return the same for programs."""
        credentials = self.credentials
        return json.dumps(
            {
                "context": credentials.context,
                "cluster": credentials.cluster,
                "user": credentials.user,
                "server": credentials.server,
                "file": self.file,
                "login": self.login,
                "signedInAs": self.who,
                "until": datetime.fromtimestamp(self.until).astimezone().isoformat(),
                "next": self.next_command,
            },
            indent=2,
        )


def fetch(request: CredentialRequest, environ: Mapping[str, str]) -> Fetched:
    """Fetch a cluster's user credentials and write them into a kubeconfig; see ``Fetched``.

    Raises SettingsError, SignInError and KubeconfigError, with the kubeconfig as it was.
    """
    path = _path(request, environ)
    account = sign_in(
        request.typed,
        environ,
        subscription=request.subscription,
        address=request.resource_manager,
    )
    conversion, objections = _conversion(request, account, environ)
    ask = ask_at_terminal()
    with naming_variables(account.settings):
        chosen = choose_subscription(account.manager, account.subscription, account.origin, ask)
        group, name = request.resource_group, request.name
        text, cluster = find_credentials(
            account.manager,
            chosen.id,
            group,
            name,
            public_fqdn=request.public_fqdn,
            origin="" if request.subscription else account.origin,
        )
        token = account.manager.token()
    credentials = read_credentials(text, name, request.context)
    if client_id := client_for_cluster(account.login, conversion.typed, text):
        conversion = replace(conversion, typed={**conversion.typed, "client_id": client_id})
    try:
        printed, done = _written(path, credentials, conversion, request, ask)
    except StaticCredentials:
        raise local_accounts_only(group, name) from None
    if path is not None:
        _approve(done, conversion, environ)
        share_session(account, path, credentials.context)
    known = remarks(cluster) if cluster else ()
    for sentence in (*objections, *done.warnings, *known):
        warn(sentence)
    return Fetched(
        credentials,
        str(path or _STDOUT),
        account.login,
        whose(token.token),
        int(token.expires_on),
        _next_command(path, request, cluster),
        printed,
    )


def _path(request: CredentialRequest, environ: Mapping[str, str]) -> Path | None:
    """Return the file to write, None for stdout; as kubectl, the first one of KUBECONFIG."""
    if request.file == _STDOUT:
        return None
    files = find_files(request.file, environ)
    if not files:
        raise SettingsError(
            "get-credentials: KUBECONFIG names no file to write", hint="name one with -f FILE"
        )
    return files[0]


def _conversion(
    request: CredentialRequest, account: Account, environ: Mapping[str, str]
) -> tuple[ConvertRequest, list[str]]:
    """Return how the new user is to sign in, with warnings; checked before anything is fetched."""
    typed = {name: text for name, text in request.typed.items() if name not in _NOT_WRITTEN}
    warnings: list[str] = []
    command = command_for_kubectl("auto", environ, warnings.append)
    conversion = ConvertRequest(account.login, typed, command=command)
    return conversion, [*warnings, *request_warnings(conversion)]


def _written(
    path: Path | None,
    credentials: Credentials,
    conversion: ConvertRequest,
    request: CredentialRequest,
    ask: Callable[[str], str] | None,
) -> tuple[str, Plan]:
    """Write the file, or return the text for stdout; also return what became of the user."""
    if path is None:
        return converted(as_text(credentials.content), Path("stdout"), credentials, conversion)
    agrees = None if ask is None else lambda text: _is_yes(ask(f"{text} [y/N] "))
    done = write(
        path,
        credentials,
        conversion,
        overwrite=request.overwrite,
        may_replace=agrees,
        warn=warn,
    )
    return "", done


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")


def _approve(done: Plan, conversion: ConvertRequest, environ: Mapping[str, str]) -> None:
    try:
        approve_typed(done, conversion, environ)
    except KubeauthError as error:  # without a policy it is not needed
        warn(f"{error}; `kubeauth trust` can approve what you typed later")


def _next_command(
    path: Path | None, request: CredentialRequest, cluster: ManagedCluster | None
) -> str:
    if cluster is not None and cluster.state.lower() in ("stopped", "stopping"):
        return quoted(["az", "aks", "start", "-g", cluster.resource_group, "-n", cluster.name])
    named = ["--kubeconfig", str(path)] if request.file and path is not None else []
    return quoted(["kubectl", *named, "get", "nodes"])
