"""What was asked for on convert-kubeconfig's command line, judged before any file is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kubeauth.clouds import find_cloud
from kubeauth.errors import SettingsError
from kubeauth.options import flags
from kubeauth.options.check import authority_of
from kubeauth.options.logins import LOGINS, Login, find_login
from kubeauth.options.settings import Flag, Settings
from kubeauth_plugin.convert.rules import GENERAL, POP, RULES, Rule

__all__ = ["KUBEAUTH", "TARGETS", "ConvertRequest", "Target", "is_cloud", "request_warnings"]

V1: Final = "client.authentication.k8s.io/v1"
V1BETA1: Final = "client.authentication.k8s.io/v1beta1"
_STACK: Final = "azurestackcloud"


@dataclass(frozen=True, slots=True)
class Target:
    """A program that a kubeconfig can be written for.

    ``install_hint`` is what kubectl prints when the program is missing. It replaces the hints of
    other programs, which ``other_hint`` recognises.
    """

    name: str
    install_hint: str
    other_hint: re.Pattern[str]

    def has(self, row: Login | Flag) -> bool:
        """Whether this program knows a login or a flag."""
        return row.kubelogin or self.name != "kubelogin"


KUBEAUTH: Final = Target(
    "kubeauth",
    "kubeauth is not installed, and this cluster is signed in to through it.\n"
    "Install it with `pipx install kubeauth` or `pip install kubeauth`.\n",
    re.compile(r"\s*kubelogin is not installed which is required to connect"),
)
KUBELOGIN: Final = Target(
    "kubelogin",
    "\nkubelogin is not installed which is required to connect to AAD enabled cluster.\n\n"
    "To learn more, please go to https://azure.github.io/kubelogin/\n",
    re.compile(r"\s*kubeauth is not installed"),
)
TARGETS: Final = {target.name: target for target in (KUBEAUTH, KUBELOGIN)}


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What was asked for.

    ``typed`` are flags by name, as text: an empty value or ``false`` clears what was there.
    ``command`` is what kubectl shall run, with the arguments before ``get-token``; with
    ``keep_command``, an entry that runs the target already goes on as it does. ``api_version`` and
    ``install_hint`` are None to keep what there is. Raises SettingsError for what cannot be.
    """

    login: str
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    azure_config_dir: str = ""
    command: tuple[str, ...] = ("kubeauth",)
    keep_command: bool = True
    api_version: str | None = None
    install_hint: str | None = None
    target: Target = KUBEAUTH

    def __post_init__(self) -> None:
        """Judge the values one by one and together."""
        find_login(self.login)
        self._check_target()
        pop = next((name for name in POP if self.typed.get(name) not in (None, "", "false")), None)
        if pop and pop not in self.rule.own:
            raise SettingsError(
                f"login {self.login}: --{pop} is not possible, it cannot prove possession of a key",
                hint=f"leave it out, or use --login with one of {', '.join(_logins_with(pop))}",
            )
        environment = self.typed.get("environment", "")
        if not is_cloud(environment):
            find_cloud(environment, {})
        authority_of(Settings(authority_host=self.typed.get("authority-host", "")), {})
        for name, value in (*self.typed.items(), ("azure-config-dir", self.azure_config_dir)):
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise SettingsError(
                    f"--{name}: the value is not text in this system's encoding",
                    hint=f"give --{name} in UTF-8",
                )

    def _check_target(self) -> None:
        """Refuse a login or a flag that the target program does not have."""
        if not self.target.has(LOGINS[self.login]):
            known = ", ".join(name for name, row in LOGINS.items() if self.target.has(row))
            raise SettingsError(
                f"--to {self.target.name}: {self.target.name} has no login {self.login}",
                hint=f"use --login with one of {known}",
            )
        for name, value in self.typed.items():
            if value not in ("", "false") and not self.target.has(flags.BY_NAME[name]):
                raise SettingsError(
                    f"--to {self.target.name}: {self.target.name} has no flag --{name}",
                    hint=f"leave out --{name}, or leave out --to to write for kubeauth",
                )

    @property
    def rule(self) -> Rule:
        """The row of the table for the login that was asked for."""
        return RULES[self.login]

    def takes(self, name: str) -> bool:
        """Whether a flag means anything to the login and the program that were asked for."""
        known = {"server-id", "cache-dir", *self.rule.own, *GENERAL}
        return name in known and self.target.has(flags.BY_NAME[name])


def is_cloud(name: str) -> bool:
    """Whether an Azure cloud has this name; Azure Stack's own description is not looked for."""
    try:
        return name.lower() == _STACK or bool(find_cloud(name, {}))
    except SettingsError:
        return False


def _logins_with(flag: str) -> list[str]:
    """Return the names of the logins that take a flag."""
    return [name for name in LOGINS if flag in RULES[name].own]


def request_warnings(request: ConvertRequest) -> Iterator[str]:
    """Give a sentence for each typed flag that is not written, or that had better not be."""
    for name, value in request.typed.items():
        if value in ("", "false"):
            continue
        if not request.takes(name):
            yield f"--{name} means nothing to login {request.login} and was not written"
        elif flags.BY_NAME[name].secret:
            yield (
                f"--{name} stands in the kubeconfig for whoever can read the file; kubectl's "
                "environment is a better place for it (AZURE_CLIENT_SECRET, say)"
            )
    if request.azure_config_dir and request.login != "azurecli":
        yield f"--azure-config-dir means nothing to login {request.login} and was not written"
    if request.login == "msi" and all(
        request.typed.get(group[0]) for group in request.rule.instead
    ):
        yield "--identity-resource-id was not written, since --client-id names the identity"
