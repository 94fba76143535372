"""What a check found, and what all checks share."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from kubeauth.clouds import AZURE_CLI_CLIENT_ID
from kubeauth.errors import KubeauthError
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings, flag_of
from kubeauth.sanitize import sanitized
from kubeauth_plugin.aks.azure_profile import read_azure_profile
from kubeauth_plugin.trust.rule import quoted

if TYPE_CHECKING:
    from kubeauth.kubeconfig.entry import Cluster
    from kubeauth.kubeconfig.sign_in import SignIn
    from kubeauth_plugin.whoami.target import Target

__all__ = [
    "REQUEST_LIMIT",
    "Finding",
    "Scene",
    "Token",
    "aks_cloud",
    "ask_az",
    "from_error",
    "listed",
    "set_clock",
]

# Seconds for one request or program; all checks together have thirty.
REQUEST_LIMIT: Final = 6.0
# The domains of AKS's API servers in each cloud ("AKS outbound network rules").
_AKS: Final = {
    ".azmk8s.io": "AzurePublicCloud",
    ".cx.aks.containerservice.azure.us": "AzureUSGovernmentCloud",
    ".cx.prod.service.azk8s.cn": "AzureChinaCloud",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``next_step`` is a line to type, or what to do."""

    subject: str
    problem: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token for the API server: as Entra ID issued it, and as the API server accepts it.

    ``file`` is the token file that it stands in, "" if Entra ID issued it for this sign-in;
    ``is_new`` says that it was issued just now.
    """

    issued: str = field(repr=False)
    presented: str = field(repr=False)
    is_new: bool = False
    file: str = ""


@dataclass(slots=True)
class Scene:
    """What the checks look at. The check of the kubeconfig fills in sign-in, target and cluster.

    ``flags`` are typed settings by field. ``seen`` are subjects and texts to print, in order.
    ``blocked`` says that a sign-in would only fail for a cause that is found already.
    """

    environ: Mapping[str, str] = field(repr=False)
    context: str = ""
    kubeconfig: str | None = None
    may_ask: bool = False
    flags: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sign_in: SignIn | None = None
    command: str = ""
    target: Target | None = None
    cluster: Cluster | None = None
    cluster_name: str = ""
    user_name: str = ""
    namespace: str = ""
    authority_answered: bool = False
    clock_is_off: bool = False
    blocked: bool = False
    token: Token | None = None
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def named(self) -> list[str]:
        """The flags that name this context again."""
        file = ["--kubeconfig", self.kubeconfig] if self.kubeconfig else []
        return [*file, *(["--context", self.context] if self.context else [])]

    def convert(self, *flags: str) -> str:
        """Return the command that changes this context's user in the kubeconfig."""
        if not self.context:
            return f"give {quoted(flags)}"
        return quoted(["kubeauth", "convert-kubeconfig", *self.named, *flags])

    def change(self, name: str, value: str) -> str:
        """Return the line that makes the setting ``name`` have this value, whatever sets it now."""
        origin = self.target.settings.origins.get(name, "") if self.target else ""
        if origin in self.environ:
            return f"unset {origin}"
        if name in self.flags:
            return f"give {flag_of(name)} {value}"
        return self.convert(flag_of(name), value)

    def fetch(self) -> str:
        """Return the command that fetches this cluster's entries again.

        The user's name that Azure chooses has the group and the cluster in it.
        """
        words = ["-g", "GROUP", "-n", "CLUSTER"]
        name = self.user_name.removeprefix("clusterUser_")
        group = name.removesuffix(f"_{self.cluster_name}")
        if "" not in (group, self.cluster_name) and name not in (group, self.user_name):
            words = ["-g", group, "-n", self.cluster_name]
        if self.kubeconfig:
            words += ["-f", self.kubeconfig]
        return quoted(["kubeauth", "get-credentials", *words, "--overwrite-existing"])

    def as_a_person(self) -> str:
        """Return the command by which a person can sign in, if this login lacks what it needs."""
        settings = self.target.settings if self.target else Settings()
        flags = ["--login", "devicecode"]
        if not settings.client_id or not find_login(settings.login).public_client:
            flags += ["--client-id", AZURE_CLI_CLIENT_ID]
        if not settings.tenant_id:
            flags += ["--tenant-id", read_azure_profile(self.environ).tenant_id or "organizations"]
        return self.other_login(*flags)

    def other_login(self, *flags: str) -> str:
        """Return the line for another login; where a variable names one, the flags do not count."""
        origin = self.target.settings.origins.get("login", "") if self.target else ""
        return f"unset {origin}" if origin in self.environ else self.convert(*flags)

    def kubectl(self, *words: str) -> str:
        """Return a command of kubectl's about this kubeconfig."""
        file = ["--kubeconfig", self.kubeconfig] if self.kubeconfig else []
        return quoted(["kubectl", *file, *words])

    def foreign(self, text: str) -> str:
        """Return another program's text without the secrets of this sign-in."""
        return sanitized(text, self.target.settings.secrets if self.target else ())

    def command_line(self, *words: str) -> str:
        """Return a command of kubeauth's about this context."""
        return quoted(["kubeauth", words[0], *self.named, *words[1:]])


def set_clock() -> str:
    """Return the command that sets this system's clock by the network."""
    lines = {"win32": "w32tm /resync", "darwin": "sudo sntp -sS time.apple.com"}
    return lines.get(sys.platform, "sudo timedatectl set-ntp true")


def aks_cloud(cluster: Cluster | None) -> str:
    """Return the cloud of an AKS cluster by its server's address; "" for another cluster."""
    host = urlsplit(cluster.server).hostname or "" if cluster else ""
    return next((cloud for domain, cloud in _AKS.items() if host.endswith(domain)), "")


def ask_az(cluster: Cluster, what: str) -> str:
    """Return the command line that prints a property of the AKS cluster with this address."""
    host = urlsplit(cluster.server).hostname
    query = f"[?fqdn=='{host}' || privateFqdn=='{host}'].{what}"
    return f'az aks list --query "{query}" --output tsv'


def from_error(subject: str, error: KubeauthError) -> Finding:
    """Return the finding for an error of kubeauth's: its text and its hint."""
    return Finding(subject, str(error), error.hint)


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return names in one line; "none" without any."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more
