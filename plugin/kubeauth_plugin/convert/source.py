"""An entry of a kubeconfig before its conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeauth.kubeconfig.merge import User, text_of
from kubeauth.kubeconfig.node import Node
from kubeauth.kubeconfig.sign_in import OtherUser, SignIn, sign_in_of
from kubeauth_plugin.convert.previous_logins import PreviousLogin, read_previous_logins
from kubeauth_plugin.kubeconfig.file import fields_of

__all__ = ["Skipped", "Source", "recognise"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A user that is not converted, and the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """A user that can be converted: how it signs in now, and where that is written.

    ``exec_fields`` are the exec block's own fields (empty for an auth-provider), ``memory`` is what
    the entry remembers of the user's earlier logins.
    """

    sign_in: SignIn
    exec_fields: Mapping[str, Node] = field(default_factory=dict, repr=False)
    memory: Mapping[str, PreviousLogin] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the text of one of the exec block's fields, empty if it has none."""
        node = self.exec_fields.get(name)
        return node.value().string if node is not None else ""

    def variable(self, name: str) -> Node | None:
        """Return the value of a variable of the exec block; of several with the name the last."""
        env = self.exec_fields.get("env")
        found = None
        for item in env.value().items if env is not None else ():
            pairs = {key.text: value for key, value in item.value().pairs}
            if "name" in pairs and pairs["name"].value().text == name:
                found = pairs.get("value")
        return found

    @property
    def label(self) -> str:
        """The name of this kind of entry in reports."""
        kind = self.sign_in.kind
        return "azure auth-provider" if kind == "auth-provider" else f"{kind} {self.sign_in.login}"


def recognise(user: User) -> Source | Skipped:
    """Return what a user is. Raises KubeconfigError for an entry that cannot be edited."""
    what = f"the user {user.name!r}"
    fields = fields_of(user.node, user.file, what)
    exec_fields = {}
    if "exec" in fields:
        exec_fields = fields_of(fields["exec"], user.file, f"{what}: the exec block")
        for name in ("apiVersion", "installHint", "interactiveMode"):
            text_of(exec_fields.get(name), user.file, f"{what}: exec.{name}")
    sign_in = sign_in_of(user)
    if isinstance(sign_in, OtherUser):
        if user.name.startswith("clusterAdmin_") and "certificate" in sign_in.reason:
            return Skipped(
                "a client certificate: an admin account (`--admin`), which bypasses Entra ID "
                "and its logs; fetch the cluster without `--admin`"
            )
        return Skipped(sign_in.reason)
    return Source(sign_in, exec_fields, read_previous_logins(fields.get("extensions")))
