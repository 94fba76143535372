"""The API server admits the right tokens, and none of the wrong ones."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from kubeauth.testing.apiserver.protobuf.reader import NotReadable, read
from kubeauth.testing.wire.jwt import Signer, peek, public_jwk, thumbprint


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def app(sim):
    return sim.tenant.add_application("ci", groups=["deployers"])


@pytest.fixture
def api(sim, http):
    """Send a request with a token; return status and body."""

    def run(token, path="/api/v1/nodes", method="GET", **kwargs):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= kwargs.pop("headers", {})
        answer = http.request(
            method, sim.cluster.server + path, headers=headers, timeout=10, **kwargs
        )
        return answer.status_code, answer.json()

    return run


def test_admits(sim, api, app):
    status, nodes = api(sim.mint_token(app))
    assert (status, len(nodes["items"])) == (200, 2)


def test_unauthorized_is_a_status_object(sim, api):
    status, body = api("")
    assert status == 401
    assert body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }
    assert sim.cluster.refusals == ["no bearer token"]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"audience": "https://management.azure.com"}, "wrong audience"),
        ({"audience": "spn:6dae42f8-4368-4678-94ff-3960e28e3630"}, "wrong audience"),
        ({"expires_in": -1}, "expired"),
        ({"nbf": 4102444800}, "expired or not yet valid"),
        ({"iss": "https://sts.windows.net/other/"}, "wrong issuer"),
        ({"tid": "other"}, "wrong issuer"),
        ({"cnf": {"kid": "x"}}, "bound to a key"),
    ],
)
def test_wrong_claims(sim, api, app, claims, why):
    assert api(sim.mint_token(app, **claims))[0] == 401
    assert why in sim.cluster.refusals[-1]


def test_wrong_signatures(sim, api, app, key):
    token = sim.mint_token(app)
    _, claims = peek(token)
    assert api(Signer(key).sign(claims))[0] == 401
    assert api(jwt.encode(claims, None, algorithm="none"))[0] == 401
    head, body, signature = token.split(".")
    assert api(f"{head}.{body}.{signature[:-8]}AAAAAAAA")[0] == 401
    assert api("garbage")[0] == 401
    assert len(sim.cluster.refusals) == 4


def test_own_server_id_and_legacy_audience(sim, api, app, ask):
    sim.cluster.server_id = "11111111-2222-3333-4444-555555555555"
    sim.cluster.legacy = True
    answer = ask(
        grant_type="client_credentials",
        client_id=app.client_id,
        client_secret=app.secret,
        scope=f"spn:{sim.cluster.server_id}/.default",
    ).json()
    assert api(answer["access_token"])[0] == 200
    assert api(sim.mint_token(app))[0] == 200
    sim.cluster.legacy = False
    assert api(answer["access_token"])[0] == 401


def test_revocation_and_reset(sim, api, app):
    old = sim.mint_token(app)
    sim.revoke(app)
    assert api(old)[0] == 401
    assert api(sim.mint_token(app))[0] == 200
    sim.revoke_tokens()
    assert api(sim.mint_token(app))[0] == 200
    sim.reset()
    assert api(old)[0] == 200
    sim.advance(3601)
    assert api(old)[0] == 401


def test_who_am_i(sim, api, app):
    body = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    user = sim.tenant.add_user("dana@contoso.example", groups=["ops"])
    for who, name, group in ((user, user.upn, "ops"), (app, app.object_id, "deployers")):
        status, answer = api(sim.mint_token(who), path, "POST", json=body)
        info = answer["status"]["userInfo"]
        assert (status, info["username"]) == (201, name)
        assert info["groups"] == [group, "system:authenticated"]


def test_forbidden(sim, api, app):
    token = sim.mint_token(app)
    sim.cluster.forbid("list", "nodes")
    assert api(token)[0] == 403
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "nodes"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert api(token, path, "POST", json=review)[1]["status"] == {"allowed": False}


def test_objects(sim, api, app):
    token, maps = sim.mint_token(app), "/api/v1/namespaces/default/configmaps"
    item = {"metadata": {"name": "a"}, "data": {"x": "1"}}
    assert api(token, maps, "POST", json=item, params={"dryRun": "All"})[0] == 201
    assert api(token, f"{maps}/a")[0] == 404
    assert api(token, maps, "POST", json=item)[0] == 201
    assert api(token, maps, "POST", json=item)[0] == 409
    assert api(token, maps, "POST", json={"metadata": {}})[0] == 422
    assert api(token, maps, "POST", data=b"nonsense")[0] == 400
    merge = {"Content-Type": "application/merge-patch+json"}
    change = {"data": {"x": None, "y": "2"}}
    patched = api(token, f"{maps}/a", "PATCH", json=change, headers=merge)[1]
    assert patched["data"] == {"y": "2"}
    assert api(token, f"{maps}/a", "DELETE")[0] == 200
    assert api(token, f"{maps}/a")[0] == 404
    assert api(token, "/api/v1/unknown")[0] == 404
    assert api(token, maps, "PUT", json=item)[0] == 405
    assert api(token, maps, "BREW")[1]["reason"] == "MethodNotAllowed"
    assert api(token, "/api/v1/namespaces/default/pods/none/log", "BREW")[0] == 405


def test_table(sim, api, app):
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = api(sim.mint_token(app), headers=accept)[1]
    names = [column["name"] for column in table["columnDefinitions"]]
    assert names[:5] == ["Name", "Status", "Roles", "Age", "Version"]
    assert table["rows"][0]["cells"][:2] == ["node-0", "Ready"]


def test_watch(sim, http, api, app):
    token, maps = sim.mint_token(app), "/api/v1/namespaces/default/configmaps"
    start = api(token, maps)[1]["metadata"]["resourceVersion"]
    with http.get(
        f"{sim.cluster.server}{maps}",
        params={"watch": "true", "resourceVersion": start, "timeoutSeconds": "30"},
        headers={"Authorization": f"Bearer {token}"},
        stream=True,
        timeout=10,
    ) as stream:
        threading.Thread(
            target=api, args=(token, maps, "POST"), kwargs={"json": {"metadata": {"name": "a"}}}
        ).start()
        event = json.loads(next(stream.iter_lines()))
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")


@pytest.fixture
def watching(sim, http, app):
    """Return the events of a watch that ends by itself, after requests that run before it."""

    def watch(path, **query):
        answer = http.get(
            f"{sim.cluster.server}{path}",
            params={"watch": "true", "timeoutSeconds": "0", **query},
            headers={"Authorization": f"Bearer {sim.mint_token(app)}"},
            timeout=10,
        )
        return [json.loads(line) for line in answer.iter_lines()]

    return watch


def test_a_list_as_events_ends_with_a_bookmark(watching):
    """client-go waits for it ("Streaming lists"); other watches have none."""
    plain, streamed = (watching("/api/v1/nodes", sendInitialEvents=yes) for yes in ("0", "true"))
    assert [event["type"] for event in plain] == ["ADDED", "ADDED"]
    assert [event["type"] for event in streamed] == ["ADDED", "ADDED", "BOOKMARK"]
    last = streamed[-1]["object"]
    assert last["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert last["kind"] == "Node" and int(last["metadata"]["resourceVersion"]) > 0


def test_a_watch_sees_objects_begin_and_cease_to_be_selected(sim, api, app, watching):
    token, maps = sim.mint_token(app), "/api/v1/namespaces/default/configmaps"
    start = api(token, maps)[1]["metadata"]["resourceVersion"]
    headers = {"Content-Type": "application/merge-patch+json"}
    api(token, maps, "POST", json={"metadata": {"name": "a"}})
    for color, size in (("red", "s"), ("red", "m"), ("blue", "m")):
        patch = {"metadata": {"labels": {"color": color, "size": size}}}
        api(token, f"{maps}/a", "PATCH", json=patch, headers=headers)
    events = watching(maps, resourceVersion=start, labelSelector="color=red")
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]


@pytest.mark.parametrize(
    ("patch", "names", "images"),
    [
        ({"containers": [{"name": "b", "image": "2"}]}, "ab", "12"),
        ({"containers": [{"name": "c", "image": "3"}]}, "cab", "311"),
        (
            {
                "$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}],
                "containers": [{"name": "c", "image": "3"}],
            },
            "bca",
            "131",
        ),
        ({"containers": [{"name": "a", "$patch": "delete"}]}, "b", "1"),
        ({"containers": [{"$patch": "replace"}, {"name": "c", "image": "3"}]}, "c", "3"),
    ],
)
def test_strategic_patches_change_lists_item_by_item(sim, api, app, patch, names, images):
    token, path = sim.mint_token(app), "/apis/apps/v1/namespaces/default/deployments"
    containers = [{"name": name, "image": "1", "args": ["x"]} for name in "ab"]
    template = {"spec": {"containers": containers}}
    api(token, path, "POST", json={"metadata": {"name": "d"}, "spec": {"template": template}})
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    body = {"spec": {"template": {"spec": patch}}}
    changed = api(token, f"{path}/d", "PATCH", json=body, headers=headers)[1]["spec"]["template"]
    assert list(changed["spec"]) == ["containers"]
    found = changed["spec"]["containers"]
    assert "".join(one["name"] for one in found) == names
    assert "".join(one["image"] for one in found) == images
    assert all(one.get("args") == ["x"] for one in found if one["name"] != "c")


def test_acting_for_somebody_else(sim, api, app):
    """As `kubectl --as` does."""
    token, review = sim.mint_token(app), "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    headers = {"Impersonate-User": "bob", "Impersonate-Group": "ops"}
    said = api(token, review, "POST", json={}, headers=headers)[1]["status"]["userInfo"]
    assert said == {"username": "bob", "groups": ["ops", "system:authenticated"]}
    sim.cluster.forbid("impersonate", "users")
    code, said = api(token, review, "POST", json={}, headers=headers)
    assert code == 403 and f'User "{app.object_id}" cannot impersonate' in said["message"]


def test_a_dry_run_deletes_nothing(sim, api, app):
    """As `kubectl delete --dry-run=server` asks, in the body."""
    token, pod = sim.mint_token(app), "/api/v1/namespaces/default/pods/web"
    assert api(token, pod, "DELETE", json={"dryRun": ["All"]})[0] == 200
    assert api(token, pod)[0] == 200
    assert api(token, pod, "DELETE", json={"preconditions": {"uid": "another"}})[0] == 409
    assert api(token, pod, "DELETE", json={})[0] == 200
    assert api(token, pod)[0] == 404


class TestProofOfPossession:
    @pytest.fixture
    def bound(self, sim, ask, app, scope, key):
        sim.cluster.require_pop = True
        kid = thumbprint(public_jwk(key.public_key()))
        asked = json.dumps({"kid": kid, "xms_ksl": "sw"}).encode()
        answer = ask(
            grant_type="client_credentials",
            client_id=app.client_id,
            client_secret=app.secret,
            scope=scope,
            token_type="pop",
            req_cnf=base64.urlsafe_b64encode(asked).decode().rstrip("="),
        ).json()
        assert answer["token_type"] == "pop"
        return answer["access_token"]

    @pytest.fixture
    def signed(self, sim, bound, key):
        """Sign a request that is right but for the changes."""

        def run(signer=None, header=None, jwk=None, **changes):
            public = {**public_jwk(key.public_key()), "alg": "RS256"} if jwk is None else jwk
            claims = {
                "at": bound,
                "ts": int(time.time()),
                "u": sim.cluster.resource_id,
                "cnf": {"jwk": public},
                "nonce": hashlib.sha256(b"n").hexdigest(),
                **changes,
            }
            return (signer or Signer(key)).sign(claims, {"typ": "pop", **(header or {})})

        return run

    def test_good(self, api, signed):
        assert api(signed())[0] == 200

    def test_plain_tokens(self, sim, api, app, bound):
        assert api(bound)[0] == 401
        assert api(sim.mint_token(app))[0] == 401

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"header": {"typ": "JWT"}}, "typ"),
            ({"ts": 1}, "ts"),
            ({"ts": "now"}, "ts"),
            ({"u": "another"}, "u names"),
            ({"at": "x"}, "not a JSON Web Token|Not enough segments"),
            ({"jwk": {}}, "cnf.jwk"),
            ({"jwk": {"kty": "RSA", "n": "!", "e": "!"}}, "cnf.jwk|segments|Invalid|verif"),
        ],
    )
    def test_wrong_requests(self, sim, api, signed, changes, why):
        assert api(signed(**changes))[0] == 401
        assert re.search(why, sim.cluster.refusals[-1])

    def test_another_key(self, sim, api, signed):
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        own = public_jwk(other.public_key())
        assert api(signed(signer=Signer(other)))[0] == 401  # not by cnf.jwk
        assert api(signed(signer=Signer(other), jwk=own))[0] == 401  # not by the token's key
        assert "another key" in sim.cluster.refusals[-1]


@given(st.binary(max_size=200))
def test_protobuf_reader_takes_anything(data):
    for body in (data, b"k8s\x00" + data):
        with contextlib.suppress(NotReadable, UnicodeDecodeError):
            assert isinstance(read(body), dict)
