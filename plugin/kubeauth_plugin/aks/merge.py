"""Merge a fetched kubeconfig into an existing one, as `az aks get-credentials` does.

The Azure CLI reads the whole file as data and writes it anew: keys sorted, comments lost. People
and programs compare the two, so the bytes are the same here (docs/aks.md says what differs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from kubeauth.errors import KubeconfigError, Unreachable

__all__ = [
    "SECTIONS",
    "as_text",
    "differing",
    "merge",
    "read_fetched",
    "read_kubeconfig",
    "renamed",
]

SECTIONS: Final = ("clusters", "users", "contexts")
# libyaml reads large files several times faster; PyYAML's own writer makes the CLI's bytes.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def as_text(content: Mapping[str, Any]) -> str:
    """Return a kubeconfig as the Azure CLI writes it; raises KubeconfigError for one too deep."""
    try:
        return str(yaml.safe_dump(dict(content), default_flow_style=False))
    except RecursionError as error:
        raise KubeconfigError(
            "the kubeconfig is nested too deeply to be written; it is as it was",
            hint="name another file with -f",
        ) from error


def read_kubeconfig(text: str, where: str) -> dict[str, Any]:
    """Return a kubeconfig's content, {} for an empty one; raises KubeconfigError."""
    try:
        content = yaml.load(text, Loader=_LOADER)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}:" if mark else ""
        raise KubeconfigError(
            f"{where}:{at} this is not YAML that can be read",
            hint="correct that line; `kubectl config view` shows how kubectl reads the file",
        ) from None
    content = {} if content is None else content
    good = isinstance(content, dict) and all(
        isinstance(content.get(section) or [], list)
        and all(isinstance(item, dict) for item in content.get(section) or [])
        for section in SECTIONS
    )
    if not good:
        raise KubeconfigError(
            f"{where}: this is not a kubeconfig",
            hint="name a kubeconfig with -f, or move that file away",
        )
    return dict(content)


def read_fetched(text: str, name: str) -> dict[str, Any]:
    """Return the content of a kubeconfig that Resource Manager sent for the cluster ``name``.

    Raises Unreachable if it is not one with a cluster, a user and a context.
    """
    try:
        content = read_kubeconfig(text, name)
        usable = all(
            content.get(section) and isinstance(content[section][0].get("name"), str)
            for section in SECTIONS
        )
        usable = usable and isinstance(content["contexts"][0].get("context"), dict)
    except KubeconfigError:
        usable = False
    if not usable:
        raise Unreachable(
            f"the credentials of {name}: Resource Manager answered without a kubeconfig",
            hint="check --resource-manager, and whether a proxy answers in its place",
        )
    return content


def renamed(fetched: Mapping[str, Any], context: str) -> dict[str, Any]:
    """Return the content with another name for context and cluster; the user keeps its own."""
    first_context, first_cluster = dict(fetched["contexts"][0]), dict(fetched["clusters"][0])
    first_context["name"] = first_cluster["name"] = context
    first_context["context"] = {**first_context["context"], "cluster": context}
    return {
        **fetched,
        "contexts": [first_context, *fetched["contexts"][1:]],
        "clusters": [first_cluster, *fetched["clusters"][1:]],
        "current-context": context,
    }


def differing(
    existing: Mapping[str, Any], fetched: Mapping[str, Any], written: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the section and name of each entry that is there already with other content.

    ``written`` is what a merge writes for ``fetched``: an entry that is equal to either is none.
    """
    found = []
    for section in SECTIONS:
        own = {item.get("name"): item for item in existing.get(section) or []}
        for item, final in zip(fetched[section], written[section], strict=True):
            name = item.get("name")
            if name in own and own[name] not in (item, final):
                found.append((section, str(name)))
    return found


def merge(existing: Mapping[str, Any], fetched: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``existing`` with the entries of ``fetched`` at the end of each list, instead of those
    of the same name, and with its current context; everything else stays.
    """
    if not existing:
        return dict(fetched)
    result = dict(existing)
    for section in SECTIONS:
        names = {item.get("name") for item in fetched[section]}
        kept = [item for item in existing.get(section) or [] if item.get("name") not in names]
        result[section] = [*kept, *fetched[section]]
    result["current-context"] = fetched.get("current-context", fetched["contexts"][0]["name"])
    return result
