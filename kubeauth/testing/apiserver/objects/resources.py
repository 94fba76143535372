"""The kinds of objects that the simulated cluster keeps (Kubernetes API reference, v1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object and its name in addresses.

    Resources that are `listed_by_all` are those that `kubectl get all` shows. A delete answers with
    the object that is gone where `shows_deleted` is set, else with a Status.
    """

    name: str
    kind: str
    group: str = ""
    namespaced: bool = True
    short: tuple[str, ...] = ()
    listed_by_all: bool = False
    shows_deleted: bool = False

    @property
    def api_version(self) -> str:
        """Group and version."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def qualified(self) -> str:
        """The name as messages write it, such as deployments.apps."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def verbs(self) -> list[str]:
        """The verbs that discovery lists; namespaces cannot be deleted all at once."""
        single = self.name == "namespaces"
        return [verb for verb in ALL_VERBS if not (single and verb == "deletecollection")]

    def why_bad(self, name: str) -> str:
        """Return why objects of this kind cannot have a name, "" if they can."""
        if self.group == _RBAC:
            return ""
        rule, words = _LABEL if self.name in ("namespaces", "services") else _SUBDOMAIN
        if re.fullmatch(rule, name):
            return ""
        if re.fullmatch(_SUBDOMAIN[0], name):
            return "must not contain dots"
        return f"{words}, regex used for validation is '{rule}')"


_RBAC = "rbac.authorization.k8s.io"
_PART = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SAME = "and must start and end with an alphanumeric character (e.g. "
_LABEL = (
    _PART,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    f"{_SAME}'my-name',  or '123-abc'",
)
_SUBDOMAIN = (
    rf"{_PART}(\.{_PART})*",
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    f"'.', {_SAME}'example.com'",
)

RESOURCES = (
    Resource("nodes", "Node", namespaced=False, short=("no",)),
    Resource("namespaces", "Namespace", namespaced=False, short=("ns",), shows_deleted=True),
    Resource("pods", "Pod", short=("po",), listed_by_all=True, shows_deleted=True),
    Resource("configmaps", "ConfigMap", short=("cm",)),
    Resource("secrets", "Secret"),
    Resource("serviceaccounts", "ServiceAccount", short=("sa",), shows_deleted=True),
    Resource("services", "Service", short=("svc",), listed_by_all=True, shows_deleted=True),
    Resource("events", "Event", short=("ev",)),
    Resource("deployments", "Deployment", "apps", short=("deploy",), listed_by_all=True),
    Resource("replicasets", "ReplicaSet", "apps", short=("rs",), listed_by_all=True),
    Resource("statefulsets", "StatefulSet", "apps", short=("sts",), listed_by_all=True),
    Resource("daemonsets", "DaemonSet", "apps", short=("ds",), listed_by_all=True),
    Resource("jobs", "Job", "batch", listed_by_all=True),
    Resource("cronjobs", "CronJob", "batch", short=("cj",), listed_by_all=True),
    Resource("ingresses", "Ingress", "networking.k8s.io", short=("ing",)),
    Resource("roles", "Role", _RBAC),
    Resource("rolebindings", "RoleBinding", _RBAC),
    Resource("clusterroles", "ClusterRole", _RBAC, namespaced=False),
    Resource("clusterrolebindings", "ClusterRoleBinding", _RBAC, namespaced=False),
)

NAMESPACES = next(one for one in RESOURCES if one.name == "namespaces")
_REVIEW_GROUPS = ("authentication.k8s.io", "authorization.k8s.io")
# In the order of their first mention; the core group has no name.
GROUPS = tuple(dict.fromkeys([r.group for r in RESOURCES if r.group] + list(_REVIEW_GROUPS)))
