"""Write the new exec blocks of one file's users, and check that nothing else changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kubeauth.errors import KubeconfigError
from kubeauth.kubeconfig.files import Kubeconfig, malformed
from kubeauth.kubeconfig.merge import User
from kubeauth.kubeconfig.node import Node
from kubeauth.kubeconfig.parse import parse
from kubeauth_plugin.convert.check import Expected, is_as_expected
from kubeauth_plugin.convert.previous_logins import EXTENSION, as_value, find_extension
from kubeauth_plugin.convert.source import Source
from kubeauth_plugin.convert.undo.user_change import UserChange, change_of, span_of
from kubeauth_plugin.convert.user import Converted
from kubeauth_plugin.kubeconfig.edit import Edit, Editor, apply
from kubeauth_plugin.kubeconfig.render import Value

__all__ = ["Update", "rewrite"]

# Plain scalars that some reader of YAML, or Go, takes for something other than a string.
_AMBIGUOUS: Final = re.compile(
    r"|~|null|y|yes|n|no|true|false|on|off|=|<<"
    r"|[-+]?(\.?\d[\d_]*(\.[\d_]*)?(e[-+]?\d+)?|0x[\da-f_]+|0o[0-7_]+|0b[01_]+)"
    r"|[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?|[-+]?\.(inf|nan)|\d{4}-\d\d?-\d\d?.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Update:
    """A user, its old entry and its new one."""

    user: User
    source: Source
    converted: Converted


def rewrite(
    file: Kubeconfig,
    updates: Sequence[Update],
    failed: Callable[[Update, KubeconfigError], None],
) -> tuple[str, list[tuple[Update, UserChange | None]]]:
    """Return the file's new text and the updates that changed something.

    Each update comes with the change to undo it, or None if that would touch other users. Calls
    ``failed`` for each update that cannot be made without touching other users, and makes the rest.
    """
    editor = Editor(file)
    changes: list[tuple[Update, list[Edit], Expected]] = []
    for update in updates:
        try:
            edits, expected = _edits(editor, update)
        except KubeconfigError as error:
            failed(update, error)
            continue
        if edits:
            changes.append((update, edits, expected))
    return _proven(file, changes, failed)


def _proven(
    file: Kubeconfig,
    changes: Sequence[tuple[Update, list[Edit], Expected]],
    failed: Callable[[Update, KubeconfigError], None],
) -> tuple[str, list[tuple[Update, UserChange | None]]]:
    """Make the changes that read back as expected; halve the list to find those that do not."""
    good = list(changes)
    if not _holds(file, good):
        good = []
        waiting = [list(changes)]
        while waiting:
            part = waiting.pop()
            if _holds(file, part):
                good += part
            elif len(part) > 1:
                waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
            else:
                failed(part[0][0], _unprovable(file, part[0][0]))
        if not _holds(file, good):
            for update, _, _ in good:
                failed(update, _unprovable(file, update))
            good = []
    text = apply(file.text, [edit for _, edits, _ in good for edit in edits])
    return text, [(update, _change(file, update, edits)) for update, edits, _ in good]


def _change(file: Kubeconfig, update: Update, edits: Sequence[Edit]) -> UserChange | None:
    """Return the user's text before the edits, and a digest of the text after them."""
    node = update.user.node.value()
    start, end = span_of(file.text, node)
    if any(edit.start < start or edit.end > end for edit in edits):
        return None
    before = file.text[start:end]
    after = apply(before, [Edit(e.start - start, e.end - start, e.text) for e in edits])
    return change_of(update.user.name, file.text, node, before, after)


def _holds(file: Kubeconfig, changes: Sequence[tuple[Update, list[Edit], Expected]]) -> bool:
    text = apply(file.text, [edit for _, edits, _ in changes for edit in edits])
    try:
        root = parse(text, str(file.path))
    except KubeconfigError:
        return False
    return is_as_expected(
        file.root, root, {id(u.user.node): expected for u, _, expected in changes}
    )


def _unprovable(file: Kubeconfig, update: Update) -> KubeconfigError:
    node = update.user.node
    return malformed(
        file,
        node,
        f"the user {update.user.name!r} is written in a way that cannot be edited safely",
    )


def _edits(editor: Editor, update: Update) -> tuple[list[Edit], Expected]:
    user, source, wanted = update.user, update.source, update.converted
    editor.edits = []
    if wanted.token_file:
        old = "auth-provider" if source.sign_in.kind == "auth-provider" else "exec"
        editor.replace_field(user.node.value(), old, {"tokenFile": wanted.token_file})
        return editor.edits, Expected({}, token_file=wanted.token_file)
    if source.sign_in.kind == "auth-provider":
        fields = dict(wanted.fields)
        if wanted.variables:
            fields["env"] = [{"name": n, "value": v} for n, v in wanted.variables.items()]
        fields = dict(sorted(fields.items()))
        editor.replace_field(user.node.value(), "auth-provider", {"exec": fields})
        extension = _remember(editor, user.node.value(), source, wanted)
        return editor.edits, Expected(fields, extension=extension)
    block = next(v for k, v in user.node.value().pairs if k.text == "exec").value()
    fields = {n: v for n, v in wanted.fields.items() if not _has(source.exec_fields.get(n), v)}
    variables = _set_variables(editor, source, wanted.variables, fields)
    editor.set_fields(block, fields)
    extension = _remember(editor, user.node.value(), source, wanted)
    return editor.edits, Expected(fields, variables, extension)


def _remember(
    editor: Editor, user: Node, source: Source, wanted: Converted
) -> Mapping[str, Value] | None:
    """Store what the user's earlier logins needed; return None if that has not changed."""
    if dict(wanted.memory) == dict(source.memory):
        return None
    memory = as_value(wanted.memory)
    names = [key.text for key, _ in user.pairs]
    listed = user.pairs[names.index("extensions")][1] if "extensions" in names else None
    found = find_extension(listed)
    entry: dict[str, Value] = {"name": EXTENSION, "extension": memory}
    if listed is None or found is None:
        if listed is None or not listed.value().items:
            editor.set_fields(user, {"extensions": [entry]})
        else:
            editor.append(listed.value(), entry)
    elif memory:
        editor.set_value(found[1], memory)
    elif len(items := listed.value().items) == 1:
        editor.remove(user.pairs, names.index("extensions"), user.flow)
    else:
        editor.remove([(i, i) for i in items], items.index(found[0]), listed.value().flow)
    return memory


def _set_variables(
    editor: Editor, source: Source, variables: Mapping[str, str], fields: dict[str, Any]
) -> dict[str, str]:
    """Set environment variables; an environment that was empty becomes a field to write."""
    env = source.exec_fields.get("env")
    if not variables:
        return {}
    if env is None or env.value().is_null or not env.value().items:
        fields["env"] = [{"name": name, "value": value} for name, value in variables.items()]
        return {}
    changed: dict[str, str] = {}
    for name, value in variables.items():
        old = source.variable(name)
        if old is None:
            editor.append(env.value(), {"name": name, "value": value})
        elif not _has(old, value):
            editor.set_value(old, value)
        else:
            continue
        changed[name] = value
    return changed


def _has(node: Node | None, value: Any) -> bool:
    """Whether a field has this value already, in a form that every YAML reader reads alike."""
    if node is None:
        return False
    node = node.value()
    if isinstance(value, str):
        plain = node.kind == "scalar" and not node.style
        return (
            node.kind == "scalar"
            and node.text == value
            and not (plain and _AMBIGUOUS.fullmatch(node.text))
        )
    if isinstance(value, list):
        return len(node.items) == len(value) and all(map(_has, node.items, value))
    return False
