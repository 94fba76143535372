"""The flags of a sign-in: which field of Settings each one is, and how argument lists are read.

Both commands take them, and a kubeconfig's exec block is made of them, so there is one table. The
names are Azure/kubelogin's, whose kubeconfigs must work unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kubeauth.options.duration import parse_duration
from kubeauth.options.logins import LOGINS

__all__ = ["BY_NAME", "FLAGS", "Flag", "FlagError", "parse", "to_argv"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: ``kind`` is str, bool or float (a duration, in seconds)."""

    name: str
    help: str
    kind: type = str
    short: str = ""
    aliases: tuple[str, ...] = ()
    secret: bool = False
    metavar: str = "TEXT"

    @property
    def field(self) -> str:
        """The field of Settings that this flag sets."""
        return self.name.replace("-", "_")


FLAGS: Final = (
    Flag("login", f"how to sign in: {', '.join(LOGINS)}", short="l", metavar="MODE"),
    Flag("server-id", "application id of the API server, the audience of the token", metavar="ID"),
    Flag("tenant-id", "tenant to sign in to", short="t", metavar="ID"),
    Flag(
        "client-id", "application id to sign in as (msi: the user-assigned identity)", metavar="ID"
    ),
    Flag("client-secret", "spn: the client secret", secret=True, metavar="SECRET"),
    Flag("client-secret-file", "spn: file that holds the secret", metavar="FILE"),
    Flag("client-secret-env", "spn: variable that holds the secret", metavar="NAME"),
    Flag("client-secret-keyring", "spn: keyring item with the secret", metavar="SERVICE/USER"),
    Flag("client-certificate", "spn: file with certificate and key (PEM, PFX)", metavar="FILE"),
    Flag("client-certificate-key", "spn: file with the key, if it is another", metavar="FILE"),
    Flag("client-certificate-password", "spn: their password", secret=True, metavar="PASSWORD"),
    Flag("username", "ropc: the user", metavar="NAME"),
    Flag("password", "ropc: the user's password", secret=True, metavar="PASSWORD"),
    Flag("identity-resource-id", "msi: the user-assigned identity's resource id", metavar="ID"),
    Flag("identity-object-id", "msi: the user-assigned identity's object id", metavar="ID"),
    Flag("subscription", "azurecli: subscription whose tenant is meant", short="s", metavar="NAME"),
    Flag("environment", "Azure cloud, AzurePublicCloud unless told", short="e", metavar="NAME"),
    Flag("authority-host", "URL of the authority, instead of the cloud's", metavar="URL"),
    Flag("federated-token-file", "workloadidentity: file with the token", metavar="FILE"),
    Flag(
        "assertion-source",
        "workloadidentity: file:PATH, env:NAME, command:PROGRAM, github, azure-pipelines, "
        "gitlab:NAME or detect",
        metavar="SOURCE",
    ),
    Flag(
        "assertion-audience",
        "workloadidentity: the audience to ask a CI system for, instead of the cloud's",
        metavar="TEXT",
    ),
    Flag("azure-pipelines-service-connection-id", "azurepipelines: its id", metavar="ID"),
    Flag("redirect-url", "interactive: where the browser returns to", metavar="URL"),
    Flag("redirect-port", "interactive: ports to listen on, the first free one", metavar="N,…"),
    Flag("login-hint", "the person to sign in; tokens of several are kept apart", metavar="NAME"),
    Flag("prompt", "interactive: login, select_account, consent or none", metavar="WHAT"),
    Flag("browser-command", "interactive: what opens the page, %s is its address", metavar="CMD"),
    Flag("no-browser", "interactive: print the address instead of opening it", kind=bool),
    Flag("qr", "devicecode: show the page's address as a QR code, too", kind=bool),
    Flag("open", "devicecode: open the page where the code is typed", kind=bool),
    Flag("pop-enabled", "ask for a proof-of-possession token", kind=bool),
    Flag("pop-claims", "claims of the proof of possession, like u=HOST", metavar="K=V,…"),
    Flag("ca-file", "trust these certificates (PEM) instead of the system's", metavar="FILE"),
    Flag("cache-dir", "folder of the token cache", aliases=("token-cache-dir",), metavar="FOLDER"),
    Flag("cache-storage", "auto, keyring, file, memory or none", metavar="KIND"),
    Flag("timeout", "limit for a sign-in without a person, like 60s", kind=float, metavar="TIME"),
    Flag("connect-timeout", "limit for each connection (10s)", kind=float, metavar="TIME"),
    Flag("read-timeout", "limit for each answer (30s)", kind=float, metavar="TIME"),
    Flag("person-timeout", "limit for a person to sign in, 15m unless told", float, metavar="TIME"),
    Flag("legacy", "ask for an audience with the prefix spn:", kind=bool),
    Flag("force-refresh", "do not use a cached token", kind=bool),
    Flag("disable-instance-discovery", "do not ask Microsoft about the authority", kind=bool),
    Flag("disable-environment-override", "ignore the variables", kind=bool),
    Flag("use-azurerm-env-vars", "read ARM_… instead of AZURE_… and AAD_…", kind=bool),
)

BY_NAME: Final[Mapping[str, Flag]] = {
    name: flag for flag in FLAGS for name in (flag.name, *flag.aliases)
}
_BY_SHORT: Final[Mapping[str, Flag]] = {flag.short: flag for flag in FLAGS if flag.short}

# Spellings that Go's flag package takes for a boolean.
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


class FlagError(ValueError):
    """An argument list that cannot be read; the text says which argument."""


def value_of(flag: Flag, text: str) -> Any:
    """Read one flag's value; raises ValueError with a sentence about ``text``."""
    if flag.kind is bool:
        if text not in _BOOLEANS:
            raise ValueError(f"{text!r} is neither true nor false")
        return _BOOLEANS[text]
    return parse_duration(text) if flag.kind is float else text


def parse(args: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Split an exec block's arguments into flags by name, and everything else in order.

    Understands what Go's pflag does: ``--name value``, ``--name=value``, ``-l value``, ``-lvalue``,
    ``-l=value`` and bare booleans. Values are text (``true`` for a bare boolean); of a flag given
    twice the last value counts. Arguments that the table does not know stay in the second part, as
    they were. Raises FlagError for a value that is missing.
    """
    found: dict[str, str] = {}
    others: list[str] = []
    rest = iter(args)
    for argument in rest:
        flag, value = _recognise(argument)
        if flag is None:
            others.append(argument)
            continue
        if value is None:
            value = "true" if flag.kind is bool else next(rest, None)
        if value is None:
            raise FlagError(f"{argument} has no value")
        found[flag.name] = value
    return found, others


def _recognise(argument: str) -> tuple[Flag | None, str | None]:
    """Give the flag an argument names and the value inside it, if any."""
    if argument.startswith("--"):
        name, equals, value = argument[2:].partition("=")
        return BY_NAME.get(name), value if equals else None
    if argument.startswith("-") and len(argument) > 1:
        value = argument[2:].removeprefix("=")
        return _BY_SHORT.get(argument[1]), value or None
    return None, None


def to_argv(values: Iterable[tuple[str, str]]) -> list[str]:
    """Write flags as an argument list, in the order given: ``--name value``.

    A true boolean is a bare ``--name``; a false one is left out, since absent means false.
    """
    argv: list[str] = []
    for name, value in values:
        if BY_NAME[name].kind is not bool:
            argv += [f"--{name}", value]
        elif _BOOLEANS.get(value):
            argv.append(f"--{name}")
    return argv
