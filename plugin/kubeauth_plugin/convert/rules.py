"""What each login mode takes from an old kubeconfig entry and from the command line.

The table is Azure/kubelogin's, as its users rely on it; what its users call defects is repaired in
``convert.py`` (a conversion to the same mode keeps what that mode had, and no flag is dropped
without a word).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kubeauth.options.settings import FLAGS

__all__ = ["GENERAL", "HEAD", "POP", "RULES", "Rule"]

# The order in which arguments are written: these, the mode's own, then the general ones.
HEAD: Final = ("server-id", "cache-dir", "client-id", "tenant-id", "environment")

# Flags that every mode takes and keeps; at the end of the file, those that no mode has as its own
# are added, so that a new flag is written down before anybody thinks of this table.
_GENERAL: Final = (
    "disable-environment-override",
    "authority-host",
    "disable-instance-discovery",
    "ca-file",
    "timeout",
    "use-azurerm-env-vars",
    "cache-storage",
    "force-refresh",
)

# Proof of possession: one is nothing without the other.
POP: Final = ("pop-enabled", "pop-claims")


@dataclass(frozen=True, slots=True)
class Rule:
    """One mode: which flags it must have, which it takes over, which must be typed.

    ``need`` is the flag, else the old entry's, else an error; ``keep`` the flag, else the old
    entry's, else nothing; ``given`` only the flag, unless the old entry is of the same mode.
    ``instead`` are groups of flags of which one replaces another.
    """

    need: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    instead: tuple[tuple[str, ...], ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """All flags that mean something in this mode, beside the general ones."""
        return self.need + self.keep + self.given


_APPLICATION: Final = ("client-id", "tenant-id")
_SECRETS: Final = (
    "client-secret",
    "client-secret-file",
    "client-secret-env",
    "client-secret-keyring",
)
_CERTIFICATE: Final = (
    "client-certificate",
    "client-certificate-key",
    "client-certificate-password",
)
_BROWSER: Final = ("redirect-url", "login-hint")
_BROWSER_WISHES: Final = ("redirect-port", "prompt", "browser-command", "no-browser")

RULES: Final = {
    "devicecode": Rule(_APPLICATION, ("environment", "legacy"), (*POP, "open", "qr", "login-hint")),
    "interactive": Rule(_APPLICATION, ("environment", *POP, *_BROWSER), _BROWSER_WISHES),
    "auto": Rule(_APPLICATION, ("environment", "legacy", *POP, *_BROWSER), _BROWSER_WISHES),
    "spn": Rule(
        _APPLICATION,
        ("environment", "legacy", *POP),
        (*_SECRETS, *_CERTIFICATE),
        instead=(*((name,) for name in _SECRETS), _CERTIFICATE),
    ),
    "ropc": Rule(_APPLICATION, ("environment", "legacy", *POP), ("username", "password")),
    "msi": Rule(
        given=("client-id", "identity-resource-id", "identity-object-id"),
        instead=(("client-id",), ("identity-resource-id",), ("identity-object-id",)),
    ),
    # An `az` that is signed in by managed identity refuses a tenant, so none is taken over
    # (https://github.com/Azure/kubelogin/issues/123).
    "azurecli": Rule(given=("tenant-id", "subscription")),
    "azd": Rule(given=("tenant-id",)),
    "default": Rule(given=(*_APPLICATION, "environment")),
    "azurepowershell": Rule(given=("tenant-id",)),
    "vscode": Rule(given=("tenant-id", "environment")),
    "workloadidentity": Rule(
        given=(
            *_APPLICATION,
            "environment",
            "federated-token-file",
            "assertion-source",
            "assertion-audience",
            *POP,
        ),
    ),
    "azurepipelines": Rule(
        need=("tenant-id",),
        given=("client-id", "environment", "azure-pipelines-service-connection-id"),
    ),
}

_OWNED: Final = {"login", *HEAD, *(name for rule in RULES.values() for name in rule.own)}
GENERAL: Final = tuple(
    dict.fromkeys((*_GENERAL, *(flag.name for flag in FLAGS if flag.name not in _OWNED)))
)
