"""Make providers from settings, the environment or a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kubeauth import _env
from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.approvals import unapproved
from kubeauth.kubeconfig.entry import Entry, find_entry
from kubeauth.kubeconfig.trust import demands, named_variables, refuse, variables_that_count
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import FIELD_NAMES, Settings
from kubeauth.options.take_over import taken_over
from kubeauth.providers._bases.person import showing
from kubeauth.providers.base import Provider, provider_for
from kubeauth.system import System

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from kubeauth.providers.options import Options

__all__ = [
    "from_entry",
    "from_environ",
    "from_kubeconfig",
    "from_settings",
]

_TRUST: Final = (
    "if you trust this file, pass trusted=True, or approve just this with `kubeauth trust` and its "
    "--context; else give the setting yourself, or take it out of the file"
)
# The login that a set of variables stands for; the first complete set counts.
_SIGNS: Final = (
    ("spn", (_env.AZURE_CLIENT_ID, _env.AZURE_CLIENT_SECRET)),
    ("spn", (_env.AZURE_CLIENT_ID, _env.AZURE_CLIENT_CERTIFICATE_PATH)),
    ("workloadidentity", (_env.AZURE_CLIENT_ID, _env.AZURE_FEDERATED_TOKEN_FILE)),
    ("workloadidentity", (_env.AZURE_CLIENT_ID, *_env.GITHUB_ENDPOINT)),
    ("azurepipelines", (_env.SYSTEM_OIDCREQUESTURI, _env.AZURESUBSCRIPTION_SERVICE_CONNECTION_ID)),
    ("spn", (_env.AAD_SERVICE_PRINCIPAL_CLIENT_ID, _env.AAD_SERVICE_PRINCIPAL_CLIENT_SECRET)),
    ("spn", (_env.AAD_SERVICE_PRINCIPAL_CLIENT_ID, _env.AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE)),
    ("ropc", (_env.AZURE_CLIENT_ID, _env.AZURE_USERNAME, _env.AZURE_PASSWORD)),
    ("msi", ("IDENTITY_ENDPOINT",)),
    ("msi", ("MSI_ENDPOINT",)),
)


def from_settings(
    settings: Settings,
    *,
    show: Callable[[str], None] | None = None,
    system: System | None = None,
) -> Provider:
    """Make the provider that ``settings.login`` names; variables are not looked at.

    ``show`` puts a text before the person who is to sign in. Raises SettingsError if the settings
    are not complete.
    """
    return provider_for(settings, showing(system, show))


def from_environ(
    *,
    server_id: str = AKS_SERVER_ID,
    login: str = "",
    show: Callable[[str], None] | None = None,
    system: System | None = None,
    **options: Unpack[Options],
) -> Provider:
    """Make a provider from the environment's variables, those that the plugin reads.

    ``login`` is one of the plugin's logins. Where it is not given, AAD_LOGIN_METHOD counts, else
    the variables that are there decide: a secret or a certificate, a federated token (a pod, GitHub
    Actions, Azure Pipelines), a password, a managed identity's endpoint. AZURE_AUTHORITY_HOST
    counts for each login, as in azure-identity, with or without ``https://``. Raises SettingsError
    where they decide nothing.
    """
    known = showing(system, show)
    environ = dict(known.environ)
    if login:
        environ.pop(_env.AAD_LOGIN_METHOD, None)
    login = login or environ.get(_env.AAD_LOGIN_METHOD, "") or _login_by_signs(environ)
    host = environ.get(_env.AZURE_AUTHORITY_HOST, "")
    named = options.get("authority_host") or options.get("environment")
    if host and not named and not options.get("disable_environment_override"):
        options["authority_host"] = host if "://" in host else f"https://{host}"
    return provider_for(
        resolve({"server_id": server_id, "login": login, **options}, environ), known
    )


def _login_by_signs(environ: Mapping[str, str]) -> str:
    for login, names in _SIGNS:
        if all(environ.get(name) for name in names):
            return login
    raise SettingsError(
        "the environment does not say how to sign in",
        hint="set AAD_LOGIN_METHOD, or AZURE_CLIENT_ID and AZURE_TENANT_ID with "
        "AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE",
    )


def from_kubeconfig(
    context: str = "",
    *,
    path: str | os.PathLike[str] | None = None,
    show: Callable[[str], None] | None = None,
    system: System | None = None,
    trusted: bool = False,
    **changes: Any,
) -> Provider:
    """Make the provider that a kubeconfig's user signs in with, whichever login that is.

    ``context`` is the current one by default, ``path`` is read instead of the files of KUBECONFIG.
    Users of kubeauth, of Azure/kubelogin and of the old ``azure`` auth-provider are understood, and
    the environment's variables count as they do for the plugin. ``show`` puts a text before the
    person who is to sign in; without it, a login that needs a person raises InteractionRequired.

    ``changes`` are fields of Settings, and win over all of it: ``login="workloadidentity"`` leaves
    the user's own identity behind and keeps server, tenant and cloud.

    NOTE: a kubeconfig is data. Unless it is ``trusted``, it may not make this process run a program
    or send a secret of the environment, of a file or a keyring to an authority that only it names,
    unless `kubeauth trust` has approved just that: it raises UntrustedKubeconfig. Raises
    KubeconfigError and SettingsError, too.
    """
    known = showing(system, show)
    return from_entry(find_entry(context, path, known.environ), known, trusted=trusted, **changes)


def from_entry(entry: Entry, system: System, *, trusted: bool = False, **changes: Any) -> Provider:
    """Make the provider of a context that was read already; see ``from_kubeconfig``."""
    unknown = set(changes) - set(FIELD_NAMES)
    if unknown:
        raise TypeError(f"not a field of Settings: {', '.join(sorted(unknown))}")
    values = dict(entry.values)
    variables = entry.environ if trusted else variables_that_count(entry.environ)
    environ = {**system.environ, **variables}
    if login := changes.get("login"):
        environ.pop(_env.AAD_LOGIN_METHOD, None)
        old = values.get("login", Settings().login)
        kept = taken_over(old, login, written=False)
        values = {name: value for name, value in values.items() if name in kept}
    settings = resolve({**values, **changes}, environ)
    if not trusted:
        environ.update(named_variables(settings, entry.environ))
        only_there = {name: value for name, value in values.items() if name not in changes}
        asked = demands(only_there, entry.environ, system.environ, settings)
        refuse(f"context {entry.context!r}", unapproved(asked, system.environ), _TRUST)
    return provider_for(replace(settings, **changes), replace(system, environ=environ))
