"""What a user needed for its earlier logins, so that the way back needs no typing.

azurecli needs neither client nor tenant, so a conversion to it would lose both, and a conversion
back to devicecode would have to ask for them. They are kept in an extension of the user, the place
that the kubeconfig format has for such things: kubectl keeps it and shows it in `config view`.

NOTE: secrets are never remembered; who converts away from a secret may want to be rid of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kubeauth.options import flags
from kubeauth_plugin.kubeconfig.render import Value
from kubeauth_plugin.kubeconfig.tree import Node

__all__ = ["EXTENSION", "PreviousLogin", "as_value", "find_extension", "read_previous_logins"]

EXTENSION: Final = "kubeauth"


@dataclass(frozen=True, slots=True)
class PreviousLogin:
    """One earlier login: its flags by name, and the interactiveMode somebody had chosen."""

    values: Mapping[str, str] = field(default_factory=dict)
    interactive_mode: str = ""


def find_extension(extensions: Node | None) -> tuple[Node, Node] | None:
    """Give kubeauth's entry in a list of extensions, and the value in it."""
    for item in extensions.value().items if extensions is not None else ():
        fields = {key.text: value for key, value in item.value().pairs}
        name = fields.get("name")
        if name is not None and name.value().text == EXTENSION and "extension" in fields:
            return item, fields["extension"]
    return None


def read_previous_logins(extensions: Node | None) -> dict[str, PreviousLogin]:
    """Read what is remembered, by login; what cannot be read is not remembered."""
    found = find_extension(extensions)
    memory: dict[str, PreviousLogin] = {}
    for login, entry in found[1].value().pairs if found else ():
        fields = {key.text: value.value() for key, value in entry.value().pairs}
        try:
            values, _ = flags.parse([item.value().text for item in fields["args"].items])
        except (KeyError, ValueError):
            continue
        mode = fields.get("interactiveMode")
        memory[login.text] = PreviousLogin(_public(values.items()), mode.string if mode else "")
    return memory


def as_value(memory: Mapping[str, PreviousLogin]) -> dict[str, Value]:
    """Give the content of the extension."""
    content: dict[str, Value] = {}
    for login, entry in sorted(memory.items()):
        fields: dict[str, Value] = {"args": flags.to_argv(sorted(entry.values.items()))}
        if entry.interactive_mode:
            fields["interactiveMode"] = entry.interactive_mode
        content[login] = fields
    return content


def _public(values: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in values if not flags.BY_NAME[name].secret}
