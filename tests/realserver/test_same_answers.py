"""The simulated API server answers as the real one does, request for request.

Compared are status, kind, and the fields that clients read: names, labels, data, the whole of a
failure, columns and cells. Left out are numbers and times, which each server makes itself.
"""

from __future__ import annotations

import json

import pytest
import requests

pytestmark = pytest.mark.process

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


# Each runs in this order at both servers: method, path, body, media type of the body or answer.
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


@pytest.fixture
def both(real, sim):
    """Send one request to the real and to the simulated server."""

    def ask(token, method, path, body=None, media=""):
        headers = {"Authorization": f"Bearer {token}"}
        if media:
            headers["Accept" if body is None else "Content-Type"] = media
        sent = None if body is None else json.dumps(body)
        if sent is not None and not media:
            headers["Content-Type"] = "application/json"
        return [
            requests.request(
                method, url + path, headers=headers, data=sent, verify=str(trusted), timeout=30
            )
            for url, trusted in ((real.url, real.ca_file), (real.simulated, sim.ca_file))
        ]

    return ask


def seen(answer):
    """Return what a client reads of an answer."""
    text = answer.text
    if not answer.headers["Content-Type"].startswith("application/json"):
        return answer.status_code, text.strip()
    documents = [json.loads(line) for line in text.splitlines()] if '{"type":' in text[:8] else []
    if documents:
        return answer.status_code, [(one["type"], read(one["object"])) for one in documents]
    return answer.status_code, read(answer.json())


def read(value):
    """Return the fields of an object, a list, a table or a failure that clients read."""
    kind = value.get("kind", "")
    if kind == "Status":
        details = value.get("details")
        about = details and {k: v for k, v in details.items() if k not in ("uid", "causes")}
        fields = ("status", "reason", "code")
        # What the JSON parser of Go says of a body, and how Go prints types, stays Go's.
        message = value.get("message", "").partition(": c")[0]
        return kind, [value.get(field) for field in fields], message, about
    if kind == "Table":
        columns = [
            (one["name"], one["format"], one["priority"]) for one in value["columnDefinitions"]
        ]
        ours = {"Age", "Cluster-IP"}
        cells = [
            [
                cell
                for (name, *_), cell in zip(columns, row["cells"], strict=True)
                if name not in ours
            ]
            for row in value["rows"]
        ]
        names = [row["object"]["metadata"]["name"] for row in value["rows"]]
        return kind, columns, cells, names
    if kind.endswith("List") and "items" in value:
        rest = "continue" in value["metadata"], value["metadata"].get("remainingItemCount")
        return kind, value["apiVersion"], rest, [read(item) for item in value["items"]]
    metadata = value.get("metadata") or {}
    kept = {name: metadata.get(name) for name in ("name", "namespace", "labels")}
    stored = [bool(metadata.get(name)) for name in ("uid", "resourceVersion")]
    return kind, value.get("apiVersion"), kept, stored, _content(kind, value)


def _content(kind, value):
    if kind == "APIGroup":
        return value["name"], value["versions"], value["preferredVersion"]
    if kind == "SelfSubjectReview":
        user = value["status"]["userInfo"]
        return user["username"], user["uid"], user["groups"]
    if kind == "SelfSubjectRulesReview":
        # Their order is that of a map of Go, another one each time.
        rules = sorted(value["status"]["resourceRules"], key=json.dumps)
        return value["status"]["incomplete"], rules
    if kind == "SelfSubjectAccessReview":
        return value["spec"], value["status"]["allowed"]
    status = value.get("status") or {}
    spec = value.get("spec") or {}
    ports = [(p["port"], p["protocol"], p["targetPort"]) for p in spec.get("ports", [])]
    read_of_spec = [spec.get(name) for name in ("replicas", "type", "restartPolicy", "selector")]
    return value.get("data"), value.get("type"), status.get("phase"), ports, read_of_spec


def test_the_same_objects_and_failures(real, both, app, sim):
    """One after the other, so that each finds what the ones before it left at both servers."""
    real.bind("cluster-admin", "User", app.object_id)
    token = sim.mint_token(app)
    real.wait_for(lambda: both(token, "GET", "/api/v1/nodes")[0].status_code == 200, 30)
    _begin_empty(both, token)
    differences = []
    for number, request in enumerate(OBJECTS):
        theirs, ours = map(seen, both(token, *request))
        if theirs != ours:
            differences.append(f"{number} {request[:3]}\n  real      {theirs}\n  simulated {ours}")
    assert not differences, "\n".join(differences)


def _begin_empty(both, token):
    """Take away what only one of the two has: the root certificate, a pod."""
    for path in (MAPS, PODS, f"{SERVICES}/kubernetes"):
        both(token, "DELETE", path)


@pytest.mark.parametrize(("method", "path", "verb", "resource"), FORBIDDEN)
def test_the_same_refusals(both, app, sim, method, path, verb, resource):
    sim.cluster.forbid(verb, resource)
    theirs, ours = both(
        sim.mint_token(app),
        method,
        path,
        {} if method != "GET" else None,
        MERGE if method == "PATCH" else "",
    )
    assert theirs.status_code == 403
    assert theirs.json() == ours.json()


@pytest.mark.parametrize("token", ["x.y.z", "garbage", ""])
@pytest.mark.parametrize("path", ["/api/v1/nodes", "/apis", "/nothing"])
def test_the_same_answer_to_a_wrong_token(both, path, token):
    theirs, ours = both(token or "none", "GET", path)
    assert theirs.status_code == 401
    assert theirs.json() == ours.json()


@pytest.mark.parametrize("path", DISCOVERY)
def test_the_same_resources(both, app, sim, path):
    """The simulator has fewer; each that it has is described as the real one describes it."""
    theirs, ours = (answer.json() for answer in both(sim.mint_token(app), "GET", path))
    real = {one.pop("name"): one for one in theirs["resources"]}
    assert ours["resources"]
    for one in ours["resources"]:
        described = {k: v for k, v in real[one.pop("name")].items() if k != "storageVersionHash"}
        assert one == described
    assert (theirs["kind"], theirs["groupVersion"]) == (ours["kind"], ours["groupVersion"])


@pytest.mark.parametrize("path", ["/version", "/api", "/apis"])
def test_the_same_fields_of_discovery(both, app, sim, path):
    theirs, ours = (answer.json() for answer in both(sim.mint_token(app), "GET", path))
    assert ours.keys() <= theirs.keys()
