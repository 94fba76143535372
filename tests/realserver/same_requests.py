"""Requests that the real and the simulated API server have to answer alike.

Each list runs in its order at both: method, path, body, and the media type of the body or, without
one, of the answer.
"""

from __future__ import annotations

MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
SERVICES = "/api/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REVIEWS = "/apis/authorization.k8s.io/v1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
STEPS = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
CONTAINER = {"name": "c", "image": "i"}
DEPLOYMENT = {
    "metadata": {"name": "w", "labels": {"app": "w"}},
    "spec": {
        "selector": {"matchLabels": {"app": "w"}},
        "template": {
            "metadata": {"labels": {"app": "w"}},
            "spec": {"containers": [CONTAINER]},
        },
    },
}


def named(name, **fields):
    return {"metadata": {"name": name}, **fields}


def labelled(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


OBJECTS = [
    ("POST", MAPS, named("a", data={"x": "1"})),
    ("POST", MAPS, named("a", data={"x": "1"})),
    ("POST", MAPS, {"metadata": {}}),
    ("POST", MAPS, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "b"}}),
    ("POST", MAPS, []),
    ("POST", MAPS, named("b"), "text/plain"),
    ("POST", f"{MAPS}?dryRun=All", named("dry", data={"x": "1"})),
    ("GET", f"{MAPS}/dry"),
    ("GET", f"{MAPS}/a"),
    ("GET", f"{MAPS}/a", None, TABLE),
    ("PATCH", f"{MAPS}/a", {"data": {}}, "application/json"),
    ("PATCH", f"{MAPS}/a", {"data": {"x": None, "y": "2"}}, MERGE),
    ("PATCH", f"{MAPS}/a", {"data": {"z": "2"}}, STRATEGIC),
    ("PATCH", f"{MAPS}/a", [{"op": "add", "path": "/data/q", "value": "1"}], STEPS),
    ("PATCH", f"{MAPS}/a", [{"op": "remove", "path": "/data/q"}], STEPS),
    ("PATCH", f"{MAPS}/nope", {"data": {}}, MERGE),
    ("PATCH", f"{MAPS}/a", named("a", apiVersion="v1", kind="ConfigMap"), APPLY),
    (
        "PATCH",
        f"{MAPS}/applied?fieldManager=me",
        named("applied", apiVersion="v1", kind="ConfigMap", data={"k": "1"}),
        APPLY,
    ),
    ("PUT", MAPS, named("a")),
    ("PUT", f"{MAPS}/a", named("a", data={"x": "3"})),
    ("PUT", f"{MAPS}/nope", named("nope")),
    ("PUT", f"{MAPS}/a", named("b")),
    ("PUT", f"{MAPS}/a", {"metadata": {"name": "a", "resourceVersion": "1"}}),
    ("GET", f"{MAPS}/nope"),
    ("GET", f"{DEPLOYMENTS}/nope"),
    ("GET", "/api/v1/nothing"),
    ("GET", "/nothing"),
    ("GET", "/apis/nothing.example/v1"),
    ("GET", "/apis/apps/v9/deployments"),
    ("POST", "/api/v1/namespaces/nope/configmaps", named("a")),
    ("POST", "/api/v1/configmaps", named("a")),
    ("POST", MAPS, {"metadata": {"name": "z", "namespace": "other"}}),
    ("POST", MAPS, labelled("red", color="red", tier="x")),
    ("POST", MAPS, labelled("blue", color="blue")),
    *(
        ("GET", f"{MAPS}?labelSelector={selector}")
        for selector in (
            "color%3Dred",
            "color",
            "!color",
            "color%21%3Dred",
            "color%20in%20(red,blue)",
            "color%20notin%20(red)",
            "color%3Dred,tier%3Dx",
            "color%3Dred,tier%3Dy",
        )
    ),
    ("GET", f"{MAPS}?fieldSelector=metadata.name%3Da"),
    ("GET", f"{MAPS}?fieldSelector=metadata.name%21%3Da"),
    ("GET", f"{MAPS}?fieldSelector=nope%3D1"),
    ("GET", f"{MAPS}?limit=1"),
    ("GET", MAPS, None, TABLE),
    ("GET", f"{MAPS}?watch=true&timeoutSeconds=1&resourceVersion=0"),
    # Without a version, the real server answers 504 while its cache lags behind.
    (
        "GET",
        f"{MAPS}?watch=true&timeoutSeconds=1&resourceVersion=0&fieldSelector=metadata.name%3Da",
    ),
    ("DELETE", f"{MAPS}/a"),
    ("DELETE", f"{MAPS}/a"),
    ("DELETE", f"{MAPS}?labelSelector=color%3Dred"),
    ("DELETE", MAPS),
    ("GET", MAPS),
    ("POST", SECRETS, named("s", stringData={"x": "1"})),
    ("GET", f"{SECRETS}/s", None, TABLE),
    ("GET", f"{SECRETS}?fieldSelector=type%3DOpaque"),
    ("DELETE", f"{SECRETS}/s"),
    ("POST", ACCOUNTS, named("s")),
    ("GET", f"{ACCOUNTS}/s", None, TABLE),
    ("DELETE", f"{ACCOUNTS}/s"),
    ("POST", SERVICES, named("s", spec={"ports": [{"port": 80}], "selector": {"a": "b"}})),
    ("GET", f"{SERVICES}/s", None, TABLE),
    ("DELETE", f"{SERVICES}/s"),
    ("POST", DEPLOYMENTS, DEPLOYMENT),
    ("GET", f"{DEPLOYMENTS}/w", None, TABLE),
    ("POST", DEPLOYMENTS, DEPLOYMENT),
    ("DELETE", f"{DEPLOYMENTS}/w"),
    ("POST", PODS, named("p", spec={"containers": [CONTAINER]})),
    ("GET", f"{PODS}/p", None, TABLE),
    ("DELETE", f"{PODS}/p?gracePeriodSeconds=0"),
    ("GET", "/api/v1/nodes"),
    ("POST", "/api/v1/namespaces", named("n")),
    ("GET", "/api/v1/namespaces/n", None, TABLE),
    ("DELETE", "/api/v1/namespaces/n"),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}),
    ("GET", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
    (
        "POST",
        f"{REVIEWS}/selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}},
    ),
    (
        "POST",
        f"{REVIEWS}/selfsubjectaccessreviews",
        {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/api"}}},
    ),
    ("POST", f"{REVIEWS}/selfsubjectaccessreviews", {}),
    ("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}),
    ("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {}}),
    ("GET", "/apis/apps"),
    ("GET", "/readyz"),
]

# For a user without a role: method, path, and the verb and resource that are forbidden.
FORBIDDEN = [
    ("GET", "/api/v1/nodes", "list", "nodes"),
    ("GET", f"{MAPS}/a", "get", "configmaps"),
    ("GET", "/apis/apps/v1/deployments", "list", "deployments"),
    ("DELETE", "/api/v1/nodes/x", "delete", "nodes"),
    ("DELETE", MAPS, "deletecollection", "configmaps"),
    ("POST", MAPS, "create", "configmaps"),
    ("PUT", f"{MAPS}/a", "update", "configmaps"),
    ("PATCH", f"{MAPS}/a", "patch", "configmaps"),
    ("GET", "/api/v1/nodes?watch=1", "watch", "nodes"),
]
DISCOVERY = [
    "/api/v1",
    "/apis/apps/v1",
    "/apis/batch/v1",
    "/apis/networking.k8s.io/v1",
    "/apis/rbac.authorization.k8s.io/v1",
    "/apis/authorization.k8s.io/v1",
    "/apis/authentication.k8s.io/v1",
]
