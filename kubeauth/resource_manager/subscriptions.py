"""The subscriptions of a tenant ("Subscriptions - List" in the Azure REST API)."""

from __future__ import annotations

from typing import Any, Final

from kubeauth.record import Record
from kubeauth.resource_manager.client import ResourceManager

__all__ = ["Subscription", "list_subscriptions"]

_VERSION: Final = "2022-12-01"
# Resources of a subscription in another state (Disabled, Deleted) cannot be used.
_USABLE: Final = frozenset({"Enabled", "Warned", "PastDue", ""})


class Subscription(Record):
    """One subscription."""

    id: str
    name: str = ""
    tenant_id: str = ""


def list_subscriptions(manager: ResourceManager) -> list[Subscription]:
    """Return the usable subscriptions of the token's tenant, by name; see ``ResourceManager``."""
    found = manager.items("/subscriptions", _VERSION, what="the subscriptions")
    usable = [_read(item) for item in found if str(item.get("state") or "") in _USABLE]
    return sorted(usable, key=lambda one: (one.name.lower(), one.id))


def _read(item: dict[str, Any]) -> Subscription:
    texts = [str(item.get(key) or "") for key in ("subscriptionId", "displayName", "tenantId")]
    return Subscription(*texts)
