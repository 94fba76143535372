"""The simulated API server answers as the real one does, request for request.

Compared are status, kind, and the fields that clients read: names, labels, data, the whole of a
failure, columns and cells. Left out are numbers and times, which each server makes itself.
"""

from __future__ import annotations

import json
import re

import pytest
import requests
import yaml
from realserver.more_same_requests import MORE
from realserver.same_requests import DISCOVERY, FORBIDDEN, MAPS, MERGE, OBJECTS, PODS, SERVICES

pytestmark = pytest.mark.process

GROUPS = {"objects": OBJECTS, **MORE}


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
    status, text = answer.status_code, answer.text
    media = answer.headers.get("Content-Type", "")
    if "protobuf" in media:
        return status, media
    if media == "application/yaml":
        return status, media, read(yaml.safe_load(text))
    if not text or media != "application/json":
        return status, media, text.strip()
    documents = [json.loads(line) for line in text.splitlines()] if '{"type":' in text[:8] else []
    if documents:
        return status, media, [(one["type"], read(one["object"])) for one in documents]
    return status, media, read(answer.json())


def read(value):
    """Return the fields of an object, a list, a table or a failure that clients read."""
    kind = value.get("kind", "")
    if kind == "Status":
        details = value.get("details")
        about = details and {k: v for k, v in details.items() if k not in ("uid", "causes")}
        fields = ("status", "reason", "code")
        # What the JSON parser of Go says of a body, and how Go prints types, stays Go's.
        message = re.split(": c|: json|\n", value.get("message", ""))[0]
        return kind, [value.get(field) for field in fields], message, about
    if kind == "Table":
        columns = [
            (one["name"], one["format"], one["priority"])
            for one in value["columnDefinitions"] or []
        ]
        rows = value["rows"] or []
        if not columns:
            # Further events of a watch have none.
            return kind, [row["object"]["metadata"]["name"] for row in rows]
        ours = {"Age", "Cluster-IP", "Created At"}
        cells = [
            [
                cell
                for (name, *_), cell in zip(columns, row["cells"], strict=True)
                if name not in ours
            ]
            for row in rows
        ]
        objects = [row["object"] and read(row["object"]) for row in rows]
        return kind, columns, cells, objects
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
        return user["username"], user.get("uid"), user["groups"]
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
    containers = (spec.get("template") or {}).get("spec", {}).get("containers") or []
    read_of_spec += [(one["name"], one["image"], one.get("env")) for one in containers]
    return value.get("data"), value.get("type"), status.get("phase"), ports, read_of_spec


@pytest.mark.parametrize("group", GROUPS)
def test_the_same_objects_and_failures(real, both, app, sim, group):
    """One after the other, so that each finds what the ones before it left at both servers."""
    real.bind("cluster-admin", "User", app.object_id)
    token = sim.mint_token(app)
    real.wait_for(lambda: both(token, "GET", "/api/v1/nodes")[0].status_code == 200, 30)
    _begin_empty(both, token)
    differences = []
    for number, request in enumerate(GROUPS[group]):
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
