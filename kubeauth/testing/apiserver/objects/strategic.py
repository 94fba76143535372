"""Strategic merge patches, which change lists item by item (Kubernetes, "Update API Objects").

Sources: kubernetes/community, "Strategic Merge Patch"; merge keys of the Kubernetes API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubeauth.testing.apiserver.objects.changes import Object

__all__ = ["strategic_merge"]

# The fields that tell the items of a list apart, by the list's name. Other lists are replaced.
_KEYS = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_ORDER, _DELETE, _RETAIN = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys"


def strategic_merge(target: Any, patch: Any) -> Any:
    """Return `target` changed by a strategic merge patch."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    merged = dict(target) if isinstance(target, dict) else {}
    if _RETAIN in patch:
        merged = {name: value for name, value in merged.items() if name in patch[_RETAIN]}
    for name, value in patch.items():
        if name.startswith(_DELETE):
            field = name.removeprefix(_DELETE)
            merged[field] = [one for one in merged.get(field) or [] if one not in value]
        elif name.startswith("$"):
            continue
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(name, None)
        elif name in _KEYS and _are_objects(value):
            order = patch.get(f"{_ORDER}{name}") or []
            merged[name] = _merged_items(merged.get(name) or [], value, order, _KEYS[name])
        else:
            merged[name] = strategic_merge(merged.get(name), value)
    return merged


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _merged_items(
    present: Sequence[Object], patch: Sequence[Object], order: Sequence[Object], keys: Sequence[str]
) -> list[Object]:
    """Return the items of a list, new ones first unless an `order` is given."""

    def key_of(item: Object) -> Any:
        return next((item[key] for key in keys if key in item), None)

    if any(item == {"$patch": "replace"} for item in patch):
        return [item for item in patch if "$patch" not in item]
    found = {key_of(item): item for item in present}
    places = {key: number for number, key in enumerate(found)}
    for item in patch:
        key = key_of(item)
        if item.get("$patch") == "delete":
            found.pop(key, None)
        else:
            found[key] = strategic_merge(found.get(key), item)
    wanted = [key_of(item) for item in order]

    def place(key: Any) -> int:
        if key in wanted:
            return wanted.index(key)
        return len(wanted) + places.get(key, -1)

    return [found[key] for key in sorted(found, key=place)]
