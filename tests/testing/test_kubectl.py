"""A real kubectl talks to the simulated API server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def kubectl(sim, tmp_path):
    """Run kubectl with a static token."""
    folder = str(Path(sys.executable).parent)
    program = shutil.which("kubectl", path=folder) or shutil.which("kubectl")
    if program is None:
        pytest.skip("no kubectl")

    def run(token, *words, stdin=""):
        config = tmp_path / "config.yaml"
        config.write_text(sim.kubeconfig("token", token=token))
        return subprocess.run(
            [program, *words],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_get_nodes(sim, kubectl):
    done = kubectl(sim.mint_token(sim.tenant.add_application("ci")), "get", "nodes")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [line[0] for line in lines[1:]] == ["node-0", "node-1"]


def test_whoami_and_can_i(sim, kubectl):
    user = sim.tenant.add_user("dana@contoso.example", groups=["ops"])
    token = sim.mint_token(user)
    done = kubectl(token, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert done.stdout == user.upn
    sim.cluster.forbid("delete", "nodes")
    assert kubectl(token, "auth", "can-i", "delete", "nodes").stdout.strip() == "no"
    assert kubectl(token, "auth", "can-i", "list", "nodes").stdout.strip() == "yes"


def test_wrong_audience(sim, kubectl):
    token = sim.mint_token(
        sim.tenant.add_application("ci"), audience="https://management.azure.com"
    )
    done = kubectl(token, "get", "nodes")
    assert done.returncode == 1
    assert "You must be logged in to the server" in done.stderr
    assert "wrong audience" in sim.cluster.refusals[0]


def test_create_and_apply(sim, kubectl):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: v}\n"
    assert kubectl(token, "create", "configmap", "a", "--from-literal=x=1").returncode == 0
    assert kubectl(token, "get", "cm", "a", "-o", "jsonpath={.data.x}").stdout == "1"
    created = kubectl(token, "apply", "-f", "-", stdin=manifest)
    assert "configmap/b created" in created.stdout, created.stderr
    again = kubectl(token, "apply", "-f", "-", stdin=manifest)
    assert "configmap/b unchanged" in again.stdout, again.stderr


def test_watch_ends(sim, kubectl):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    done = kubectl(token, "get", "nodes", "-w", "--request-timeout=1s")
    assert "node-1" in done.stdout


@pytest.mark.parametrize(
    "condition", ["jsonpath={.status.phase}=Running", "condition=Ready", "delete"]
)
def test_wait_ends(sim, kubectl, condition):
    """kubectl asks for the objects as a stream, and waits for the end of what there is."""
    token = sim.mint_token(sim.tenant.add_application("ci"))
    what = {"condition=Ready": "node/node-0", "delete": "pod/gone"}.get(condition, "pod/web")
    done = kubectl(token, "wait", what, f"--for={condition}", "--timeout=20s")
    assert done.returncode == 0, done.stderr


SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
"""
KUSTOMIZATION = """\
namespace: shop
resources: [shop.yaml]
configMapGenerator: [{name: settings, literals: [color=red]}]
secretGenerator: [{name: password, literals: [password=secret]}]
"""


def test_apply_a_kustomization_twice_and_delete_it(sim, kubectl, tmp_path):
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION)
    token = sim.mint_token(sim.tenant.add_application("ci"))
    first = kubectl(token, "apply", "-k", str(tmp_path))
    assert first.returncode == 0, first.stderr
    assert [line.split()[-1] for line in first.stdout.splitlines()] == ["created"] * 6
    again = kubectl(token, "apply", "-k", str(tmp_path))
    assert {line.split()[-1] for line in again.stdout.splitlines()} == {"unchanged"}
    assert "deployment.apps/web" in kubectl(token, "get", "all", "-n", "shop").stdout
    deleted = kubectl(token, "delete", "-k", str(tmp_path))
    assert deleted.returncode == 0, deleted.stderr


def test_can_i_lists_what_is_left(sim, kubectl):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    listed = kubectl(token, "auth", "can-i", "--list")
    assert listed.returncode == 0 and "*.*" in listed.stdout, listed.stderr
    sim.cluster.forbid("delete", "secrets")
    rows = kubectl(token, "auth", "can-i", "--list").stdout.splitlines()
    secrets = next(row for row in rows if row.startswith("secrets "))
    assert "create" in secrets and "delete " not in secrets


def test_a_secret_is_created_in_protobuf_and_read_back(sim, kubectl):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    made = kubectl(token, "create", "secret", "generic", "s", "--from-literal=a=b")
    assert made.returncode == 0, made.stderr
    assert kubectl(token, "get", "secret", "s", "-o", "jsonpath={.data.a}").stdout == "Yg=="


CREATED = [
    "namespace shop",
    "serviceaccount robot",
    "configmap plain --from-literal=a=b",
    "secret generic hidden --from-literal=a=b",
    "deployment web --image=nginx --replicas=2 --port=80 -- sleep 5",
    "service clusterip web --tcp=80:8080",
    "ingress web --rule=a.example/*=web:80,tls=cert",
    "job once --image=busybox -- date",
    "cronjob often --image=busybox --schedule=*/5 * * * * -- date",
    "role reader --verb=get --resource=pods --resource-name=a",
    "rolebinding reads --role=reader --user=dana --serviceaccount=shop:robot",
    "clusterrole lister --verb=list --resource=nodes,deployments.apps",
    "clusterrolebinding lists --clusterrole=lister --group=ops",
]


@pytest.mark.parametrize("what", CREATED)
def test_what_kubectl_creates_it_reads_back(sim, kubectl, what):
    """The newest kubectl sends protobuf, and prints what it meant to send."""
    token = sim.mint_token(sim.tenant.add_application("ci"))
    words = what.replace("*/5 * * * *", "EVERY").split()
    words = ["*/5 * * * *".join(word.split("EVERY")) for word in words]
    place = words.index("--") if "--" in words else len(words)
    meant = kubectl(
        token, "create", *words[:place], "--dry-run=client", "-o", "json", *words[place:]
    )
    made = kubectl(token, "create", *words)
    assert made.returncode == 0, made.stderr
    kind, name = words[0], words[2] if words[1] in ("generic", "clusterip") else words[1]
    stored = json.loads(kubectl(token, "get", kind, name, "-o", "json").stdout)
    wanted = {k: v for k, v in json.loads(meant.stdout).items() if k != "status"}
    assert missing_in(stored, wanted) == []


def missing_in(stored, meant, place=""):
    """Return the places of what was meant and is not stored; empty values say nothing."""
    if isinstance(meant, dict) and isinstance(stored, dict):
        return [
            m for key in meant for m in missing_in(stored.get(key), meant[key], f"{place}.{key}")
        ]
    if isinstance(meant, list) and isinstance(stored, list) and len(meant) == len(stored):
        return [
            m for s, m_ in zip(stored, meant, strict=True) for m in missing_in(s, m_, f"{place}[]")
        ]
    return [] if stored == meant or not meant else [f"{place}: {meant!r}, stored {stored!r}"]


def test_scale_and_events(sim, kubectl):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    kubectl(token, "create", "deployment", "web", "--image=nginx")
    ran = kubectl(token, "scale", "deployment/web", "--replicas=3")
    assert ran.stdout == "deployment.apps/web scaled\n", ran.stderr
    shown = kubectl(token, "get", "deployment", "web", "-o", "jsonpath={.spec.replicas}")
    assert shown.stdout == "3"
    refused = kubectl(token, "scale", "deployment/web", "--replicas=1", "--current-replicas=2")
    assert refused.returncode == 1 and "Expected replicas to be 2, was 3" in refused.stderr
    sim.cluster.forbid("patch", "deployments/scale")
    refused = kubectl(token, "scale", "deployment/web", "--replicas=1")
    assert 'cannot patch resource "deployments/scale" in API group "apps"' in refused.stderr
    assert "No events found" in kubectl(token, "events").stderr
    described = kubectl(token, "describe", "deployment", "web").stdout.split()
    assert described[-2:] == ["Events:", "<none>"]


def test_explain_says_that_there_are_no_descriptions(sim, kubectl):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    assert "not found in OpenAPI schema" in kubectl(token, "explain", "pods").stderr
