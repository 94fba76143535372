"""What was asked of a sign-in: every setting, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

__all__ = ["FIELD_NAMES", "Settings", "flag_of", "origin_of"]


@dataclass(frozen=True, slots=True)
class Settings:
    """One sign-in, as asked for; empty strings and None mean "not given".

    ``timeout`` and ``person_timeout`` are in seconds. ``origins`` names where a value came from (a
    flag, a variable), by field.
    """

    login: str = "devicecode"
    server_id: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""
    client_secret_env: str = ""
    client_secret_keyring: str = ""
    client_certificate: str = ""
    client_certificate_key: str = ""
    client_certificate_password: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    identity_resource_id: str = ""
    identity_object_id: str = ""
    subscription: str = ""
    environment: str = ""
    authority_host: str = ""
    federated_token_file: str = ""
    assertion_source: str = ""
    assertion_audience: str = ""
    assertion: str = field(default="", repr=False)
    claims: str = ""
    azure_pipelines_service_connection_id: str = ""
    redirect_url: str = ""
    redirect_port: str = ""
    login_hint: str = ""
    prompt: str = ""
    browser_command: str = ""
    no_browser: bool = False
    open: bool = False
    qr: bool = False
    pop_enabled: bool = False
    pop_claims: str = ""
    ca_file: str = ""
    cache_dir: str = ""
    cache_storage: str = ""
    timeout: float | None = None
    connect_timeout: float | None = None
    read_timeout: float | None = None
    person_timeout: float | None = None
    legacy: bool = False
    force_refresh: bool = False
    disable_instance_discovery: bool = False
    disable_environment_override: bool = False
    use_azurerm_env_vars: bool = False
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def resource(self) -> str:
        """The audience the token must have, without ``/.default``."""
        return self.server_id.removesuffix("/.default").rstrip("/")

    @property
    def scope(self) -> str:
        """The scope to ask Entra ID for (v2 endpoint): the resource's ``/.default``."""
        prefix = "spn:" if self.legacy and not self.resource.startswith("spn:") else ""
        return f"{prefix}{self.resource}/.default"


FIELD_NAMES: Final = tuple(f.name for f in fields(Settings) if f.name != "origins")


def flag_of(name: str) -> str:
    """Return the flag that sets a field: ``--client-id`` for ``client_id``."""
    return "--" + name.replace("_", "-")


def origin_of(settings: Settings, name: str) -> str:
    """Say where a value came from, for the beginning of a hint; "" if that is not known."""
    origin = settings.origins.get(name)
    return f"it came from {origin}; " if origin else ""
