"""The request of convert-kubeconfig's command line, checked before any file is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from kubeauth.clouds import check_cloud
from kubeauth.errors import SettingsError
from kubeauth.options.check import authority_of
from kubeauth.options.entry_rule import EntryRule
from kubeauth.options.flags import BY_FIELD
from kubeauth.options.logins import LOGINS, Login, find_login
from kubeauth.options.settings import Flag, Settings, flag_of
from kubeauth.options.take_over import entry_fields

__all__ = [
    "KUBEAUTH",
    "TARGETS",
    "V1",
    "V1BETA1",
    "ConvertRequest",
    "Target",
    "is_set",
    "request_warnings",
]

V1: Final = "client.authentication.k8s.io/v1"
V1BETA1: Final = "client.authentication.k8s.io/v1beta1"
_PROOF: Final = ("pop_enabled", "pop_claims")


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
    """One request for a conversion.

    ``login`` is empty if each user keeps its own login; ``for_login`` then returns the request for
    one user. ``typed`` are settings by field, as text: an empty value or ``false`` clears the old
    one. ``command`` is what kubectl runs, with the arguments before ``get-token``; with
    ``keep_command``, an entry that runs the target already keeps its command. ``api_version`` and
    ``install_hint`` are None to keep those of the entry. ``token_file`` is the path of a
    file to read instead of an exec block: "" for one beside the kubeconfig, None for an exec block.
    Raises SettingsError for values that are wrong or contradict each other.
    """

    login: str
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    azure_config_dir: str = ""
    command: tuple[str, ...] = ("kubeauth",)
    keep_command: bool = True
    api_version: str | None = None
    install_hint: str | None = None
    target: Target = KUBEAUTH
    token_file: str | None = None

    def __post_init__(self) -> None:
        """Check the values one by one and together."""
        self._check_target()
        if self.login:
            find_login(self.login)
            self._check_login()
        check_cloud(self.typed.get("environment", ""))
        authority_of(Settings(authority_host=self.typed.get("authority_host", "")), {})
        for name, value in (*self.typed.items(), ("azure_config_dir", self.azure_config_dir)):
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise SettingsError(
                    f"{flag_of(name)}: the value is not text in this system's encoding",
                    hint=f"give {flag_of(name)} in UTF-8",
                )

    def for_login(self, login: str) -> ConvertRequest:
        """Return the request for a user that has ``login`` and keeps it.

        Raises SettingsError if the login, or a typed flag with it, is impossible.
        """
        return self if self.login == login else replace(self, login=login)

    def _check_login(self) -> None:
        """Refuse a login that the target program does not have, and flags impossible with it."""
        if not self.target.has(LOGINS[self.login]):
            known = ", ".join(name for name, row in LOGINS.items() if self.target.has(row))
            raise SettingsError(
                f"--to {self.target.name}: {self.target.name} has no login {self.login}",
                hint=f"use --login with one of {known}",
            )
        for name in _PROOF:
            if is_set(self.typed.get(name)) and name not in self.rule.own:
                able = ", ".join(row.name for row in LOGINS.values() if name in row.entry.own)
                raise SettingsError(
                    f"login {self.login}: {flag_of(name)} is not possible, "
                    "this login cannot prove possession of a key",
                    hint=f"leave out {flag_of(name)}, name other users with --user, or use --login "
                    f"with one of {able}",
                )

    def _check_target(self) -> None:
        """Refuse a flag that the target program does not have."""
        for name, value in self.typed.items():
            if is_set(value) and not self.target.has(BY_FIELD[name]):
                raise SettingsError(
                    f"--to {self.target.name}: {self.target.name} has no flag {flag_of(name)}",
                    hint=f"leave out {flag_of(name)}, or leave out --to to write for kubeauth",
                )

    @property
    def rule(self) -> EntryRule:
        """The rule for entries of the login."""
        return LOGINS[self.login].entry

    @property
    def fields(self) -> tuple[str, ...]:
        """The settings that the entry may have, in the order of its arguments."""
        return tuple(
            name for name in entry_fields(LOGINS[self.login]) if self.target.has(BY_FIELD[name])
        )

    @property
    def outvoted(self) -> Mapping[str, str]:
        """The typed settings that are not written, each with the typed one that counts instead."""
        if not self.rule.first_counts:
            return {}
        typed = [n for group in self.rule.instead for n in group if is_set(self.typed.get(n))]
        return dict.fromkeys(typed[1:], typed[0]) if typed else {}


def is_set(value: str | None) -> bool:
    """Whether a typed value sets something; an empty one and ``false`` clear what was there."""
    return value not in (None, "", "false")


def request_warnings(request: ConvertRequest) -> Iterator[str]:
    """Return a sentence for each typed flag that is not written, or that should not be."""
    for name, value in request.typed.items():
        if not is_set(value):
            continue
        if name not in request.fields:
            yield f"{flag_of(name)} means nothing to login {request.login} and was not written"
        elif BY_FIELD[name].secret:
            yield (
                f"{flag_of(name)} is written into the kubeconfig in clear; a variable is safer "
                "(AZURE_CLIENT_SECRET, for example)"
            )
    for name, winner in request.outvoted.items():
        yield f"{flag_of(name)} was not written, since {flag_of(winner)} names the identity"
    if request.azure_config_dir and not request.rule.config_folder:
        yield f"--azure-config-dir means nothing to login {request.login} and was not written"
