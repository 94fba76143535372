"""Settings of a user's earlier logins, so that nobody has to type them on the way back.

azurecli needs neither client nor tenant, so a conversion to it would lose both, and a conversion
back to devicecode would have to ask for them. They are kept in an extension of the user, the place
that the kubeconfig format has for such things: kubectl keeps it and shows it in `config view`.

NOTE: secrets are never stored here; people convert to another login to get rid of a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kubeauth.kubeconfig.node import Node
from kubeauth.options.flags import BY_FIELD, BY_NAME, parse, to_argv
from kubeauth_plugin.kubeconfig.render import Value

__all__ = ["EXTENSION", "PreviousLogin", "as_value", "find_extension", "read_previous_logins"]

EXTENSION: Final = "kubeauth"


@dataclass(frozen=True, slots=True)
class PreviousLogin:
    """One earlier login: its settings by field, and the interactiveMode that somebody chose."""

    values: Mapping[str, str] = field(default_factory=dict)
    interactive_mode: str = ""


def find_extension(extensions: Node | None) -> tuple[Node, Node] | None:
    """Return kubeauth's entry in a list of extensions, and the value in it."""
    for item in extensions.value().items if extensions is not None else ():
        fields = {key.text: value for key, value in item.value().pairs}
        name = fields.get("name")
        if name is not None and name.value().text == EXTENSION and "extension" in fields:
            return item, fields["extension"]
    return None


def read_previous_logins(extensions: Node | None) -> dict[str, PreviousLogin]:
    """Read the stored settings, by login; skip those that cannot be read."""
    found = find_extension(extensions)
    memory: dict[str, PreviousLogin] = {}
    for login, entry in found[1].value().pairs if found else ():
        fields = {key.text: value.value() for key, value in entry.value().pairs}
        try:
            typed, _ = parse([item.value().text for item in fields["args"].items])
        except (KeyError, ValueError):
            continue
        mode = fields.get("interactiveMode")
        values = {BY_NAME[name].field: v for name, v in typed.items() if not BY_NAME[name].secret}
        memory[login.text] = PreviousLogin(values, mode.string if mode else "")
    return memory


def as_value(memory: Mapping[str, PreviousLogin]) -> dict[str, Value]:
    """Return the content of the extension."""
    content: dict[str, Value] = {}
    for login, entry in sorted(memory.items()):
        typed = sorted((BY_FIELD[name].name, value) for name, value in entry.values.items())
        fields: dict[str, Value] = {"args": to_argv(typed)}
        if entry.interactive_mode:
            fields["interactiveMode"] = entry.interactive_mode
        content[login] = fields
    return content
