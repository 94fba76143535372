"""Sign in to Resource Manager with the flags of a command that also writes a kubeconfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kubeauth import _env
from kubeauth.clouds import AKS_SERVER_ID, AZURE_CLI_CLIENT_ID, check_cloud
from kubeauth.errors import KubeauthError, SettingsError
from kubeauth.kubeconfig.entry import find_sign_in
from kubeauth.options.flags import BY_FIELD, value_of
from kubeauth.options.logins import find_login
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth.options.variables import login_of_terraform
from kubeauth.providers._bases.person import PersonalProvider
from kubeauth.providers.base import provider_for
from kubeauth.record import replace
from kubeauth.resource_manager.connect import resource_manager_for
from kubeauth.system import System
from kubeauth_plugin.aks.azure_profile import AzureProfile, read_azure_cloud, read_azure_profile
from kubeauth_plugin.diagnostics import warn
from kubeauth_plugin.explain import explain
from kubeauth_plugin.prompt import progress_line, prompt_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeauth.resource_manager.client import ResourceManager

__all__ = ["Account", "client_for_cluster", "explained", "share_session", "sign_in"]

# Settings of the cluster's tokens, which do not concern Resource Manager.
_OF_THE_CLUSTER: Final = frozenset({"legacy", "pop_enabled", "pop_claims", "server_id"})


@dataclass(frozen=True, slots=True)
class Account:
    """Resource Manager, as one identity sees it.

    ``login`` is how that identity signs in, ``subscription`` the one that was named: by the flag, a
    variable or the Azure CLI's profile; ``origin`` says by which of them.
    """

    manager: ResourceManager
    settings: Settings
    login: str
    subscription: str = ""
    origin: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


def sign_in(
    typed: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    subscription: str = "",
    address: str = "",
    any_subscription: bool = False,
) -> Account:
    """Prepare a sign-in to Resource Manager; the first request makes it.

    ``typed`` are sign-in flags as text, by field of Settings. ``address`` is Resource Manager's, if
    not the cloud's. With ``any_subscription``, only ``subscription`` names one. Raises
    SettingsError.
    """
    profile = read_azure_profile(environ)
    login = _login(typed, environ, profile)
    named, origin = (subscription, "-s") if subscription else ("", "")
    if not named and not any_subscription:
        named, origin = _usual_subscription(environ, profile)
    settings = _settings(typed, login, environ)
    if subscription and login == "azurecli" and named.lower() in profile.tenants:
        settings = replace(settings, subscription=named)
    own_cloud = None
    if login == "azurecli" and not settings.environment and not settings.authority_host:
        settings = replace(settings, environment=_known_cloud(profile.cloud))
        if not settings.environment:
            own_cloud = read_azure_cloud(profile.cloud, environ)
    if find_login(login).public_client and not settings.tenant_id and named:
        settings = replace(settings, tenant_id=profile.tenants.get(named.lower(), ""))
    # A person who types the name of their login is there; a script's default must not wait.
    asked = bool(typed.get("login")) and find_login(login).human
    system = System(
        environ=environ, prompt=prompt_for(asked or None), progress=progress_line(), warn=warn
    )
    manager = resource_manager_for(settings, system, address, own_cloud)
    return Account(manager, settings, login, named, origin, environ)


def explained(account: Account) -> str:
    """Return every value of the sign-in to Resource Manager, and where it came from."""
    manager = account.manager
    rows = f"resource manager: {manager.address} (subscription: {account.subscription or 'none'}"
    rows += f", from {account.origin})" if account.origin else ")"
    return f"{explain(account.settings, account.environ)}\n{rows}"


def client_for_cluster(login: str, typed: Mapping[str, str], kubeconfig: str) -> str:
    """Return the application that the cluster's user signs in as; "" to keep the fetched one.

    A person should sign in once. Every tenant lets the Azure CLI's application get tokens for
    Resource Manager and for AKS (`kubelogin -l azurecli` relies on that), and a refresh token
    serves one application only. A cluster with a server application of its own may not know it.
    """
    if typed.get("client_id") or not find_login(login).human:
        return ""
    return AZURE_CLI_CLIENT_ID if AKS_SERVER_ID in kubeconfig else ""


def share_session(account: Account, path: Path, context: str) -> None:
    """Let kubectl use the session of the person who has just signed in, if there is one.

    ``context`` in the file at ``path`` was written for the same person and application. A failure
    costs them no more than another sign-in.
    """
    mine = account.manager.credential
    if not isinstance(mine, PersonalProvider):
        return
    try:
        user = find_sign_in(context, "", path, account.environ)
        settings = resolve(user.values, account.environ)
        other = provider_for(settings, System(environ=account.environ, warn=lambda _: None))
    except KubeauthError:
        return
    if isinstance(other, PersonalProvider):
        mine.share_session(other)


def _login(typed: Mapping[str, str], environ: Mapping[str, str], profile: AzureProfile) -> str:
    """Return the login: the typed one, the variable's, the Azure CLI's account, else a person."""
    if typed.get("login"):
        return find_login(typed["login"]).name
    if typed.get("use_azurerm_env_vars") == "true" and (found := login_of_terraform(environ)):
        return found[0]
    if named := environ.get(_env.AAD_LOGIN_METHOD):
        return find_login(named, _env.AAD_LOGIN_METHOD).name
    return "azurecli" if profile.signed_in else "auto"


def _settings(typed: Mapping[str, str], login: str, environ: Mapping[str, str]) -> Settings:
    values = {
        name: value_of(BY_FIELD[name], text)
        for name, text in typed.items()
        if text and name not in _OF_THE_CLUSTER
    }
    if find_login(login).human:
        # AZURE_CLIENT_ID names an application with a secret, which a person cannot sign in as.
        values.setdefault("client_id", AZURE_CLI_CLIENT_ID)
    known = {name: text for name, text in environ.items() if name != _env.AAD_LOGIN_METHOD}
    return resolve({**values, "login": login}, known)


def _usual_subscription(environ: Mapping[str, str], profile: AzureProfile) -> tuple[str, str]:
    if named := environ.get(_env.AZURE_SUBSCRIPTION_ID):
        return named, _env.AZURE_SUBSCRIPTION_ID
    return profile.subscription_id, "the Azure CLI's profile" if profile.subscription_id else ""


def _known_cloud(name: str) -> str:
    """Return the Azure CLI's name of a cloud if we know that cloud, else ""."""
    try:
        check_cloud(name)
    except SettingsError:
        return ""
    return name
