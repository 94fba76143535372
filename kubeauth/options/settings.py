"""Every setting of a sign-in, declared once with its flag and help.

``kubeauth.options.logins`` says which logins use a setting.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubeauth.options.logins import LOGINS
from kubeauth.record import Record, field, fields
from kubeauth.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["FIELD_NAMES", "FLAGS", "Flag", "Settings", "flag_of", "origin_of"]

_KINDS: Final = {"str": str, "bool": bool, "float | None": float}


class Flag(Record):
    """The flag of one setting.

    ``field``: the field of Settings. ``kind``: str, bool or float (a duration in seconds).
    ``secret``: never show the value. ``kubelogin``: Azure/kubelogin has this flag, too.
    ``names``: what the value names, if that runs or holds a secret: "program", "file", "variable",
    "keyring item", or "source" (``KIND:NAME`` of a federated token). NOTE: these are what
    ``kubeauth.kubeconfig.trust`` keeps a kubeconfig from choosing on its own.
    """

    field: str
    help: str
    kind: type = str
    short: str = ""
    aliases: tuple[str, ...] = ()
    metavar: str = "TEXT"
    secret: bool = False
    kubelogin: bool = True
    names: str = ""

    @property
    def name(self) -> str:
        """The flag's name without its dashes, ``client-id``."""
        return self.field.replace("_", "-")


def _setting(text: str = "", /, *, default: Any = "", secret: bool = False, **flag: Any) -> Any:
    """Declare a setting. ``text`` is the help of its flag; without it the setting has no flag."""
    metadata = {"help": text, "secret": secret, **flag} if text else {}
    return field(default=default, repr=not secret, metadata=metadata)


def _secret(text: str = "", /, **flag: Any) -> Any:
    return _setting(text, secret=True, **flag)


def _duration(text: str, /, **flag: Any) -> Any:
    return _setting(text, default=None, metavar="TIME", **flag)


def _switch(text: str, /, **flag: Any) -> Any:
    return _setting(text, default=False, **flag)


class Settings(Record):
    """The settings of one sign-in. Empty strings and None mean "not given".

    ``timeout``, ``connect_timeout``, ``read_timeout`` and ``person_timeout`` are in seconds.
    ``origins`` names the flag or variable that set a value, by field.
    """

    login: str = _setting(
        f"how to sign in: {', '.join(LOGINS)}", default="devicecode", short="l", metavar="MODE"
    )
    server_id: str = _setting(
        "application id of the API server, the audience of the token", metavar="ID"
    )
    tenant_id: str = _setting("tenant to sign in to", short="t", metavar="ID")
    client_id: str = _setting(
        "application id to sign in as (msi: the user-assigned identity)", metavar="ID"
    )
    client_secret: str = _secret("spn: the client secret", metavar="SECRET")
    client_secret_file: str = _setting(
        "spn: file that holds the secret", metavar="FILE", kubelogin=False, names="file"
    )
    client_secret_env: str = _setting(
        "spn: variable that holds the secret", metavar="NAME", kubelogin=False, names="variable"
    )
    client_secret_keyring: str = _setting(
        "spn: keyring item with the secret",
        metavar="SERVICE/USER",
        kubelogin=False,
        names="keyring item",
    )
    client_certificate: str = _setting(
        "spn: file with certificate and key (PEM, PFX)", metavar="FILE", names="file"
    )
    client_certificate_key: str = _setting(
        "spn: file with the key, if separate", metavar="FILE", kubelogin=False, names="file"
    )
    client_certificate_password: str = _secret(
        "spn: password of the certificate", metavar="PASSWORD"
    )
    username: str = _setting("ropc: the user", metavar="NAME")
    password: str = _secret("ropc: the user's password", metavar="PASSWORD")
    identity_resource_id: str = _setting(
        "msi: the user-assigned identity's resource id", metavar="ID"
    )
    identity_object_id: str = _setting(
        "msi: the user-assigned identity's object id", metavar="ID", kubelogin=False
    )
    subscription: str = _setting(
        "azurecli: subscription whose tenant to use", short="s", metavar="NAME"
    )
    environment: str = _setting("Azure cloud (AzurePublicCloud)", short="e", metavar="NAME")
    authority_host: str = _setting("URL of the authority, instead of the cloud's", metavar="URL")
    federated_token_file: str = _setting(
        "workloadidentity: file with the token", metavar="FILE", names="file"
    )
    assertion_source: str = _setting(
        "workloadidentity: file:PATH, env:NAME, command:PROGRAM, github, azure-pipelines, "
        "gitlab:NAME, msi[:CLIENT_ID], gcp or detect",
        metavar="SOURCE",
        kubelogin=False,
        names="source",
    )
    assertion_audience: str = _setting(
        "workloadidentity: audience of the CI system's token, instead of the cloud's",
        kubelogin=False,
    )
    assertion: str = _secret()
    claims: str = _setting()
    azure_pipelines_service_connection_id: str = _setting(
        "azurepipelines: id of the service connection", metavar="ID"
    )
    redirect_url: str = _setting("interactive: URL the browser returns to", metavar="URL")
    redirect_port: str = _setting(
        "interactive: listen on the first of these ports that is free",
        metavar="N,…",
        kubelogin=False,
    )
    login_hint: str = _setting(
        "user name of the person; each has a session of its own", metavar="NAME"
    )
    prompt: str = _setting(
        "interactive: login, select_account, consent or none", metavar="WHAT", kubelogin=False
    )
    browser_command: str = _setting(
        "interactive: command that opens the page; %s stands for its address",
        metavar="CMD",
        kubelogin=False,
        names="program",
    )
    no_browser: bool = _switch(
        "interactive: print the address instead of opening it", kubelogin=False
    )
    qr: bool = _switch("devicecode: show the page's address as a QR code, too", kubelogin=False)
    open: bool = _switch("devicecode: open the page that takes the code", kubelogin=False)
    pop_enabled: bool = _switch("get a proof-of-possession token")
    pop_claims: str = _setting("claims of the proof of possession, like u=HOST", metavar="K=V,…")
    ca_file: str = _setting(
        "trust these certificates (PEM) instead of the system's", metavar="FILE", kubelogin=False
    )
    cache_dir: str = _setting(
        "folder of the token cache", aliases=("token-cache-dir",), metavar="FOLDER"
    )
    cache_storage: str = _setting(
        "where to cache: auto, keyring, file, memory or none", metavar="KIND", kubelogin=False
    )
    timeout: float | None = _duration("limit for a sign-in without a person, like 60s")
    connect_timeout: float | None = _duration("limit for each connection (10s)", kubelogin=False)
    read_timeout: float | None = _duration("limit for each answer (30s)", kubelogin=False)
    person_timeout: float | None = _duration("limit for a person to sign in (15m)", kubelogin=False)
    no_background_refresh: bool = _switch("do not renew tokens in the background", kubelogin=False)
    legacy: bool = _switch("add the prefix spn: to the audience")
    force_refresh: bool = _switch("do not use a cached token", kubelogin=False)
    disable_instance_discovery: bool = _switch("do not ask Microsoft about the authority")
    disable_environment_override: bool = _switch("ignore the variables")
    use_azurerm_env_vars: bool = _switch("read ARM_… instead of AZURE_… and AAD_…")
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Have secrets show as stars wherever the settings are listed."""
        for name in _SECRETS:
            value = getattr(self, name)
            if type(value) is str and value:
                object.__setattr__(self, name, Secret(value))

    @property
    def secrets(self) -> set[str]:
        """The values that must not be shown anywhere."""
        return {v for name in _SECRETS if isinstance(v := getattr(self, name), str) and v}

    @property
    def named_variables(self) -> dict[str, str]:
        """The environment variables that settings name because they hold a secret, by field."""
        found = {}
        for flag in FLAGS:
            value = getattr(self, flag.field)
            kind, _, name = str(value).partition(":")
            if flag.names == "variable":
                name = value
            elif flag.names != "source" or kind not in ("env", "gitlab"):
                continue
            if name:
                found[flag.field] = name
        return found

    @property
    def resource(self) -> str:
        """The audience of the token: the server id without ``/.default``."""
        return self.server_id.removesuffix("/.default").rstrip("/")

    @property
    def scope(self) -> str:
        """The scope in a request to Entra ID's v2 endpoint: the resource's ``/.default``."""
        prefix = "spn:" if self.legacy and not self.resource.startswith("spn:") else ""
        return f"{prefix}{self.resource}/.default"


FIELD_NAMES: Final = tuple(f.name for f in fields(Settings) if f.name != "origins")
_SECRETS: Final = tuple(f.name for f in fields(Settings) if not f.repr and f.name != "origins")
# In the order in which help lists them.
FLAGS: Final = tuple(
    Flag(f.name, kind=_KINDS[str(f.type)], **f.metadata) for f in fields(Settings) if f.metadata
)


def flag_of(name: str) -> str:
    """Return the flag that sets a field: ``--client-id`` for ``client_id``."""
    return "--" + name.replace("_", "-")


def origin_of(settings: Settings, name: str) -> str:
    """Return the first words of a hint, which name a value's origin; "" if that is unknown."""
    origin = settings.origins.get(name)
    return f"it came from {origin}; " if origin else ""
