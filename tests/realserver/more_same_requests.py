"""More requests for both API servers, in the form of same_requests: beyond objects themselves."""

from __future__ import annotations

from realserver.same_requests import (
    APPLY,
    CONTAINER,
    DEPLOYMENT,
    DEPLOYMENTS,
    MAPS,
    MERGE,
    PODS,
    REVIEWS,
    STEPS,
    STRATEGIC,
    TABLE,
    labelled,
    named,
)

ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1"
JOBS = "/apis/batch/v1/namespaces/default"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
WATCH = "watch=1&timeoutSeconds=1&resourceVersion=0"
REFERENCE = {"apiGroup": "rbac.authorization.k8s.io", "name": "o"}
ONCE = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
RUNS = {name: DEPLOYMENT["spec"][name] for name in ("selector", "template")}
APPS = "/apis/apps/v1/namespaces/default"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
BACKEND = {"name": "s", "port": {"number": 80}}


def subject(kind, name):
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


# What a client wants, and what a server may not give.
FORMS = [
    ("POST", MAPS, named("a", data={"x": "1"})),
    ("POST", MAPS, labelled("b", color="red")),
    *(
        ("GET", f"{MAPS}/a", None, accept)
        for accept in (
            *("*/*", "text/html", "application/xml", "application/*", "application/cbor"),
            *("text/html, */*;q=0.1", "application/json;q=0.5, text/plain", "application/yaml"),
            *(METADATA, METADATA_LIST, TABLE),
        )
    ),
    ("GET", f"{MAPS}/nope", None, "application/yaml"),
    *(
        ("GET", MAPS, None, accept)
        for accept in (METADATA, METADATA_LIST, f"{METADATA_LIST},application/json", TABLE)
    ),
    ("GET", f"{MAPS}?includeObject=None", None, TABLE),
    ("GET", f"{MAPS}?includeObject=Object", None, TABLE),
    ("GET", f"{MAPS}?{WATCH}", None, TABLE),
    ("GET", f"{MAPS}?{WATCH}", None, METADATA),
    ("HEAD", MAPS),
    ("OPTIONS", MAPS),
    ("POST", f"{MAPS}/a", named("a")),
    ("POST", "/version", {}),
    ("DELETE", "/api/v1/namespaces"),
]

# Dry runs, pages, names, how to delete and what to apply.
OPTIONS = [
    *(("POST", MAPS, named(name)) for name in "dcba"),
    ("GET", f"{MAPS}?limit=2"),
    ("GET", f"{MAPS}?limit=2&continue=garbage"),
    ("GET", f"{MAPS}?limit=-1"),
    ("GET", f"{MAPS}?limit=abc"),
    ("GET", f"{MAPS}?resourceVersion=abc"),
    ("GET", f"{MAPS}?fieldSelector=a"),
    ("GET", f"{MAPS}?labelSelector=a%3D%3Db"),
    ("GET", "/api/v1/configmaps?fieldSelector=metadata.namespace%3Ddefault"),
    ("GET", f"{MAPS}/a?{WATCH}"),
    ("POST", f"{MAPS}?dryRun=maybe", named("x")),
    ("PATCH", f"{MAPS}/a?dryRun=maybe", {}, MERGE),
    ("PATCH", f"{MAPS}/a?dryRun=All", {"data": {"x": "1"}}, MERGE),
    ("GET", f"{MAPS}/a"),
    ("PATCH", f"{MAPS}/a", [1], MERGE),
    ("PATCH", f"{MAPS}/a", {"op": "test"}, STEPS),
    ("PATCH", f"{MAPS}/a", [{"op": "test", "path": "/metadata/name", "value": "b"}], STEPS),
    ("PATCH", f"{MAPS}/a", [{"op": "remove", "path": "/data/none"}], STEPS),
    ("PATCH", f"{MAPS}/a?fieldManager=me", {"metadata": {"name": "a"}}, APPLY),
    *(("POST", MAPS, named(name)) for name in ("Bad_Name", "a..b", "-a", "A")),
    ("POST", "/api/v1/namespaces", named("bad.name")),
    ("POST", DEPLOYMENTS, {**DEPLOYMENT, "metadata": {"name": "Bad_Name"}}),
    ("DELETE", f"{MAPS}/a?dryRun=All"),
    ("DELETE", f"{MAPS}/a", {"dryRun": ["All"]}),
    ("DELETE", f"{MAPS}/a", {"dryRun": ["maybe"]}),
    ("DELETE", f"{MAPS}/a", {"propagationPolicy": "Nope"}),
    ("DELETE", f"{MAPS}/nope", {"propagationPolicy": "Background"}),
    ("GET", f"{MAPS}/a"),
    ("DELETE", f"{MAPS}/a", {"propagationPolicy": "Background"}),
    ("GET", f"{MAPS}/a"),
    ("DELETE", f"{MAPS}?dryRun=All"),
    ("DELETE", f"{MAPS}/b?propagationPolicy=Foreground"),
    *(("DELETE", f"/api/v1/namespaces/{name}") for name in ("default", "kube-system")),
    ("GET", "/api/v1/namespaces/kube-public", None, TABLE),
    ("GET", "/api/v1/namespaces/kube-node-lease"),
]

# Objects with a status, what belongs to them, and how a table shows them.
PARTS = [
    ("POST", f"{APPS}/replicasets", named("o", spec={"replicas": 2, **RUNS})),
    ("POST", f"{APPS}/statefulsets", named("o", spec={"serviceName": "s", **RUNS})),
    ("POST", f"{APPS}/daemonsets", named("o", spec=RUNS)),
    ("POST", f"{APPS}/deployments", named("o", spec=RUNS)),
    (
        "POST",
        f"{JOBS}/cronjobs",
        named("o", spec={"schedule": "@daily", "jobTemplate": {"spec": {"template": ONCE}}}),
    ),
    ("POST", INGRESSES, named("o", spec={"rules": [{"host": "a.example"}]})),
    ("POST", INGRESSES, named("any", spec={"defaultBackend": {"service": BACKEND}})),
    (
        "POST",
        f"{ROLES}/rolebindings",
        named(
            "o",
            roleRef={**REFERENCE, "kind": "Role"},
            subjects=[
                subject("User", "u"),
                subject("User", "v"),
                {"kind": "ServiceAccount", "name": "s", "namespace": "default"},
            ],
        ),
    ),
    (
        "POST",
        f"{CLUSTER_ROLES}/clusterrolebindings",
        named("o", roleRef={**REFERENCE, "kind": "ClusterRole"}, subjects=[subject("Group", "g")]),
    ),
    *(
        ("GET", f"{path}/o", None, TABLE)
        for path in (
            *(f"{APPS}/{kind}" for kind in ("replicasets", "statefulsets", "daemonsets")),
            *(f"{JOBS}/cronjobs", INGRESSES, f"{ROLES}/rolebindings"),
            f"{CLUSTER_ROLES}/clusterrolebindings",
        )
    ),
    ("GET", f"{INGRESSES}/any", None, TABLE),
    ("GET", f"{JOBS}/jobs", None, TABLE),
    ("GET", f"{ROLES}/roles", None, TABLE),
    ("GET", "/api/v1/namespaces/empty/events", None, TABLE),
    ("GET", f"{APPS}/deployments/o/status"),
    (
        "PATCH",
        f"{APPS}/deployments/o/status",
        {"status": {"replicas": 3, "readyReplicas": 1}, "spec": {"replicas": 9}},
        MERGE,
    ),
    ("GET", f"{APPS}/deployments/o", None, TABLE),
    *(
        (
            "PATCH",
            f"{APPS}/deployments/o",
            {"spec": {"template": {"spec": {"containers": items, **order}}}},
            STRATEGIC,
        )
        for items, order in (
            ([{"name": "side", "image": "x"}], {}),
            ([{"name": "c", "env": [{"name": "A", "value": "1"}]}], {}),
            ([{"name": "c", "env": [{"name": "B", "value": "2"}]}], {}),
            (
                [{"name": "last", "image": "y"}],
                {"$setElementOrder/containers": [{"name": name} for name in ("c", "side", "last")]},
            ),
            ([{"name": "side", "$patch": "delete"}], {}),
        )
    ),
    ("DELETE", f"{APPS}/deployments/o/status"),
    ("GET", f"{APPS}/deployments/nope/status"),
    ("GET", "/api/v1/nodes/node-0/status"),
    ("GET", f"{MAPS}/status"),
    ("GET", f"{MAPS}/status/status"),
    ("GET", f"{MAPS}/a/b/c"),
    ("POST", PODS, named("p", spec={"containers": [CONTAINER]})),
    ("GET", f"{PODS}/p/log"),
    ("DELETE", f"{PODS}/p/log"),
    ("GET", f"{PODS}/nope/log"),
    ("POST", f"{PODS}/nope/exec?command=ls", {}),
    ("GET", f"{PODS}/p/exec?command=ls&stdout=true"),
    ("POST", f"{PODS}/p/attach?stdout=true", {}),
    ("POST", f"{PODS}/p/portforward", {}),
    *(
        ("DELETE", f"{path}/o")
        for path in (
            *(f"{APPS}/{kind}" for kind in ("statefulsets", "daemonsets", "deployments")),
            *(f"{APPS}/replicasets", f"{JOBS}/cronjobs", INGRESSES, f"{ROLES}/rolebindings"),
            f"{CLUSTER_ROLES}/clusterrolebindings",
        )
    ),
    ("DELETE", f"{INGRESSES}/any"),
]

# Addresses that are of no object.
ADDRESSES = [
    ("GET", "/openapi/v2", None, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"),
    *(
        ("GET", path)
        for path in (
            *("/healthz", "/livez", "/readyz", "/livez/ping", "/healthz/ping", "/livez/nope"),
            *("/apis/nothing.example", "/api/v2", "/apis/apps/v1/nothing", "/nothing/at/all"),
        )
    ),
    *(("HEAD", path) for path in ("/version", "/api", "/apis/apps/v1", "/nothing")),
    # Methods that no resource has.
    *(
        (method, path)
        for method in ("BREW", "TRACE", "PROPFIND")
        for path in (
            *(MAPS, f"{MAPS}/a", f"{PODS}/p/log", f"{REVIEWS}/selfsubjectaccessreviews"),
            *("/version", "/healthz", "/api", "/apis/apps/v1", "/api/v1/nothing", "/nothing"),
        )
    ),
]

MORE = {"forms": FORMS, "options": OPTIONS, "parts": PARTS, "addresses": ADDRESSES}
