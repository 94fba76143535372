"""Objects as meta.k8s.io/v1 Tables, which kubectl prints unchanged.

Columns and cells are those of the real server (seen: 1.37) for the kinds in `_COLUMNS`; the others
have a name and an age.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.objects.changes import Object
    from kubeauth.testing.apiserver.objects.resources import Resource

# A "+" marks columns that only `-o wide` shows.
_COLUMNS = {
    "nodes": "Name Status Roles Age Version +Internal-IP +External-IP +OS-Image +Kernel-Version "
    "+Container-Runtime",
    "namespaces": "Name Status Age",
    "pods": "Name Ready Status Restarts Age +IP +Node +Nominated_Node +Readiness_Gates",
    "configmaps": "Name Data Age",
    "secrets": "Name Type Data Age",
    "serviceaccounts": "Name Age",
    "services": "Name Type Cluster-IP External-IP Port(s) Age +Selector",
    "deployments": "Name Ready Up-to-date Available Age +Containers +Images +Selector",
    "replicasets": "Name Desired Current Ready Age +Containers +Images +Selector",
    "statefulsets": "Name Ready Age +Containers +Images",
    "daemonsets": "Name Desired Current Ready Up-to-date Available Node_Selector Age +Containers "
    "+Images +Selector",
    "jobs": "Name Status Completions Duration Age +Containers +Images +Selector",
    "cronjobs": "Name Schedule Timezone Suspend Active Last_Schedule Age +Containers +Images "
    "+Selector",
    "ingresses": "Name Class Hosts Address Ports Age",
    "rolebindings": "Name Role Age +Users +Groups +ServiceAccounts",
    "clusterrolebindings": "Name Role Age +Users +Groups +ServiceAccounts",
    "events": "Last_Seen Type Reason Object +Subobject +Source Message +First_Seen +Count +Name",
    "roles": "Name Created_At",
    "clusterroles": "Name Created_At",
}


def table(resource: Resource, items: list[Object], version: str, now: float) -> dict[str, Any]:
    """Return objects as a Table; `now` is the epoch."""
    columns = _COLUMNS.get(resource.name, "Name Age").split()
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(resource.name, columns, item, now) for item in items],
    }


def _definition(column: str) -> dict[str, Any]:
    name = column.lstrip("+").replace("_", " ")
    return {
        "name": name,
        "type": "date" if name == "Created At" else "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": int(column.startswith("+")),
    }


def _row(resource: str, columns: list[str], item: Object, now: float) -> dict[str, Any]:
    shown = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    special = {
        "nodes": _node,
        "pods": _pod,
        "services": _service,
        "deployments": _deployment,
        "replicasets": _replica_set,
        "statefulsets": _deployment,
        "daemonsets": _daemon_set,
        "jobs": _job,
        "cronjobs": _cron_job,
        "ingresses": _ingress,
        "rolebindings": _binding,
        "clusterrolebindings": _binding,
        "events": _event,
    }.get(resource)
    created = item["metadata"]["creationTimestamp"]
    cells = {
        "Name": item["metadata"]["name"],
        "Age": _age(created, now),
        "Created_At": created,
        "Status": item.get("status", {}).get("phase", ""),
        "Type": item.get("type", ""),
        "Data": len(item.get("data") or {}),
        **(special(item) if special else {}),
    }
    return {
        "cells": [cells[column.lstrip("+")] for column in columns],
        "object": {**shown, "metadata": item["metadata"]},
    }


def _node(item: Object) -> dict[str, Any]:
    state = item.get("status") or {}
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in state.get("conditions", [])
    )
    info = state.get("nodeInfo") or {}
    return {
        "Status": "Ready" if ready else "Unknown",
        "Roles": "<none>",
        "Version": info.get("kubeletVersion", ""),
        "Internal-IP": "<none>",
        "External-IP": "<none>",
        "OS-Image": info.get("osImage") or "<unknown>",
        "Kernel-Version": info.get("kernelVersion") or "<unknown>",
        "Container-Runtime": info.get("containerRuntimeVersion") or "<unknown>",
    }


def _pod(item: Object) -> dict[str, Any]:
    total = len(item.get("spec", {}).get("containers") or [])
    running = total if item["status"]["phase"] == "Running" else 0
    return {
        "Ready": f"{running}/{total}",
        "Status": item["status"]["phase"],
        "Restarts": "0",
        "IP": "<none>",
        "Node": item.get("spec", {}).get("nodeName") or "<none>",
        "Nominated_Node": "<none>",
        "Readiness_Gates": "<none>",
    }


def _service(item: Object) -> dict[str, Any]:
    spec = item["spec"]
    ports = [f"{port['port']}/{port['protocol']}" for port in spec["ports"]]
    return {
        "Type": spec["type"],
        "Cluster-IP": spec["clusterIP"],
        "External-IP": "<none>",
        "Port(s)": ",".join(ports) or "<none>",
        "Selector": _pairs(spec.get("selector")),
    }


def _pod_template(item: Object) -> dict[str, Any]:
    """Return the cells that each kind with a template for pods has."""
    spec = item.get("spec") or {}
    spec = (spec.get("jobTemplate") or {}).get("spec") or spec
    containers = (spec.get("template") or {}).get("spec", {}).get("containers") or []
    return {
        "Containers": ",".join(one.get("name", "") for one in containers),
        "Images": ",".join(one.get("image", "") for one in containers),
        "Selector": _pairs((spec.get("selector") or {}).get("matchLabels")),
    }


def _counts(item: Object, **names: str) -> dict[str, int]:
    """Return numbers of the status, which are 0 until a controller sets them."""
    state = item.get("status") or {}
    return {column.replace("_", "-"): state.get(name, 0) for column, name in names.items()}


def _deployment(item: Object) -> dict[str, Any]:
    ready = f"{(item.get('status') or {}).get('readyReplicas', 0)}/{item['spec']['replicas']}"
    numbers = {"Up_to_date": "updatedReplicas", "Available": "availableReplicas"}
    return {"Ready": ready, **_counts(item, **numbers), **_pod_template(item)}


def _replica_set(item: Object) -> dict[str, Any]:
    numbers = _counts(item, Current="replicas", Ready="readyReplicas")
    return {"Desired": item["spec"]["replicas"], **numbers, **_pod_template(item)}


def _daemon_set(item: Object) -> dict[str, Any]:
    numbers = _counts(
        item,
        Desired="desiredNumberScheduled",
        Current="currentNumberScheduled",
        Ready="numberReady",
        Up_to_date="updatedNumberScheduled",
        Available="numberAvailable",
    )
    placed = item.get("spec", {}).get("template", {}).get("spec", {}).get("nodeSelector")
    return {**numbers, "Node_Selector": _pairs(placed), **_pod_template(item)}


def _job(item: Object) -> dict[str, Any]:
    done = (item.get("status") or {}).get("succeeded", 0)
    wanted = (item.get("spec") or {}).get("completions", 1)
    cells = {"Status": "Running", "Completions": f"{done}/{wanted}", "Duration": ""}
    return {**cells, **_pod_template(item)}


def _cron_job(item: Object) -> dict[str, Any]:
    spec, state = item.get("spec") or {}, item.get("status") or {}
    return {
        "Schedule": spec.get("schedule", ""),
        "Timezone": spec.get("timeZone") or "<none>",
        "Suspend": str(bool(spec.get("suspend"))),
        "Active": len(state.get("active") or []),
        "Last_Schedule": "<none>",
        **_pod_template(item),
    }


def _ingress(item: Object) -> dict[str, Any]:
    spec = item.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or [] if rule.get("host")]
    return {
        "Class": spec.get("ingressClassName") or "<none>",
        "Hosts": ",".join(hosts) or "*",
        "Address": "",
        "Ports": "80, 443" if spec.get("tls") else "80",
    }


def _binding(item: Object) -> dict[str, Any]:
    role = item.get("roleRef") or {}
    subjects = item.get("subjects") or []

    def names(kind: str) -> str:
        found = [one for one in subjects if one.get("kind") == kind]
        return ", ".join(
            f"{one['namespace']}/{one['name']}" if one.get("namespace") else one.get("name", "")
            for one in found
        )

    return {
        "Role": f"{role.get('kind', '')}/{role.get('name', '')}",
        "Users": names("User"),
        "Groups": names("Group"),
        "ServiceAccounts": names("ServiceAccount"),
    }


def _event(item: Object) -> dict[str, Any]:
    about, source = item.get("involvedObject") or {}, item.get("source") or {}
    return {
        "Last_Seen": "<unknown>",
        "Type": item.get("type", ""),
        "Reason": item.get("reason", ""),
        "Object": f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        "Subobject": about.get("fieldPath", ""),
        "Source": source.get("component", ""),
        "Message": item.get("message", ""),
        "First_Seen": "<unknown>",
        "Count": item.get("count", 0),
    }


def _pairs(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def _age(created: str, now: float) -> str:
    then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    seconds = max(0, int(now - then.timestamp()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
