"""What kubectl says of the simulated API server is what it says of the real one."""

from __future__ import annotations

import json
import os
import secrets
import subprocess

import pytest
from desk import oldest_and_newest

SPEC = "jsonpath={.spec.replicas} {.spec.selector} {.spec.template.spec.containers[0].args}"
# One after the other, at each server.
COMMANDS = [
    "create namespace shop",
    "create namespace shop",
    "-n shop create serviceaccount robot",
    "-n shop create configmap plain --from-literal=a=b",
    "-n shop create secret generic hidden --from-literal=a=b",
    "-n shop get secret hidden -o jsonpath={.data}{.type}",
    "-n shop create deployment web --image=nginx --replicas=2 --port=80",
    "-n shop create deployment web --image=nginx",
    f"-n shop get deployment web -o {SPEC}",
    "-n shop scale deployment web --replicas=3",
    "-n shop scale deployment web --replicas=1 --current-replicas=2",
    "-n shop scale deployment nope --replicas=3",
    "-n shop scale configmap plain --replicas=3",
    f"-n shop get deployment web -o {SPEC}",
    "-n shop get --raw /apis/apps/v1/namespaces/shop/deployments/nope/scale",
    "-n shop set image deployment/web nginx=nginx:2",
    "-n shop set env deployment/web A=B",
    "-n shop set env deployment/web C=D A-",
    "-n shop set resources deployment/web --limits=cpu=1",
    '-n shop patch deployment web -p={"spec":{"template":{"spec":{"containers":'
    '[{"name":"side","image":"x"}]}}}}',
    "-n shop get deployment web -o jsonpath={.spec.template.spec.containers[*].name}",
    "-n shop get deployment web -o jsonpath={.spec.template.spec.containers[1].env}",
    "-n shop get deployment web -o jsonpath={.spec.template.spec.containers[1].resources}",
    "-n shop rollout restart deployment/web",
    "-n shop expose deployment web --port=80 --name=front",
    "-n shop create service clusterip web --tcp=80:8080",
    "-n shop get service web -o jsonpath={.spec.ports}{.spec.selector}{.spec.type}",
    "-n shop create ingress web --rule=a.example/x=web:80",
    "-n shop get ingress web -o jsonpath={.spec}",
    "-n shop create job once --image=busybox -- date",
    "-n shop create cronjob often --image=busybox --schedule=@daily -- date",
    "-n shop get cronjob often -o jsonpath={.spec.schedule}",
    "-n shop create role reader --verb=get --verb=list --resource=configmaps",
    "-n shop create rolebinding reads --role=reader --user=dana --serviceaccount=shop:robot",
    "-n shop get role reader -o jsonpath={.rules}",
    "-n shop get rolebinding reads -o jsonpath={.subjects}{.roleRef}",
    "create clusterrole kubeauth-test --verb=list --resource=nodes,deployments.apps",
    "create clusterrolebinding kubeauth-test --clusterrole=kubeauth-test --group=ops",
    "get clusterrole kubeauth-test -o jsonpath={.rules}",
    "get clusterrolebinding kubeauth-test -o jsonpath={.subjects}{.roleRef}",
    "-n shop get events --field-selector involvedObject.name=nope",
    "-n shop events --for configmap/plain",
    "-n shop get configmaps nope",
    "-n shop get nothing",
    "-n shop get pods --field-selector=nope=1",
    "-n shop annotate configmap plain x=y",
    "-n shop label configmap plain x=y --overwrite",
    "-n shop apply -f map.yaml",
    "-n shop apply -f map.yaml",
    "-n shop apply --server-side --force-conflicts -f map.yaml",
    "-n shop apply -f first.yaml",
    "-n shop apply --dry-run=server -f second.yaml",
    "-n shop apply -f second.yaml",
    "-n shop get deployment applied -o jsonpath={.spec.template.spec.containers}",
    "-n shop replace -f map.yaml",
    "-n shop create -f map.yaml",
    "-n shop delete -f map.yaml -f second.yaml",
    "-n shop wait configmap/plain --for=jsonpath={.data.a}=b --timeout=20s",
    "-n shop wait configmap/plain --for=jsonpath={.data.a}=c --timeout=1s",
    "-n shop get configmaps --sort-by=.metadata.name -o name",
    '-n shop patch configmap plain --type=json -p=[{"op":"test","path":"/data/a","value":"c"}]',
    "-n shop patch deployment web --subresource=status --type=merge -p={}",
    "-n shop get deployment web --subresource=status -o jsonpath={.kind}",
    "-n shop delete configmap plain --dry-run=server",
    "-n shop delete configmap plain --cascade=nothing",
    "-n shop get configmap plain -o jsonpath={.data}",
    "-n shop create configmap Bad_Name",
    "create namespace bad.name",
    "delete namespace default",
    "-n shop logs nope",
    "get --raw /livez",
    "get --raw /apis/nothing",
    "-n shop delete deployment web",
    "-n shop delete service front web",
    "delete clusterrole kubeauth-test",
    "delete clusterrolebinding kubeauth-test",
    "delete namespace shop --wait=false",
]

MAP = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "map"}, "data": {"k": "v"}}


def manifests():
    """Return what the commands apply, by the name of the file: the second changes the first."""
    found = {"map.yaml": MAP}
    for name, image in (("first", "i"), ("second", "j")):
        # With all that the real server fills in for a container that lacks it.
        container = {
            "name": "c",
            "image": image,
            "imagePullPolicy": "Always",
            "resources": {},
            "terminationMessagePath": "/log",
            "terminationMessagePolicy": "File",
        }
        pods = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": {"app": "w"}}, "template": pods}
        head = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "applied"}}
        found[f"{name}.yaml"] = {**head, "spec": spec}
    return found


@pytest.fixture
def at(sim, real, app, tmp_path):
    """Run kubectl at one of the servers, as an administrator."""
    real.bind("cluster-admin", "User", app.object_id)
    token = sim.mint_token(app)
    path = "/api/v1/nodes"
    real.wait_for(lambda: real.ask("GET", path, token=token).status_code == 200, 30)
    servers = {"real": (real.url, real.ca_file), "simulated": (real.simulated, sim.ca_file)}

    for name, manifest in manifests().items():
        (tmp_path / name).write_text(json.dumps(manifest))

    def run(kubectl, server, words):
        url, ca_file = servers[server]
        # Without a home it would keep what it discovers, for both by the name of the host.
        where = ["--server", url, "--certificate-authority", str(ca_file), "--token", token]
        where += ["--cache-dir", str(tmp_path / server)]
        done = subprocess.run(
            [kubectl.path, *where, *words],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize("client", [pytest.param(k, id=k.name) for k in oldest_and_newest()])
def test_the_same_words(at, client):
    """In a namespace of its own: no controller removes one from the real server."""
    differences = []
    space = f"shop-{secrets.token_hex(4)}"
    for command in (one.replace("shop", space) for one in COMMANDS):
        words = command.replace(SPEC, "SPEC").split(" ")
        words = [SPEC if word == "SPEC" else word for word in words]
        theirs, ours = (at(client, server, words) for server in ("real", "simulated"))
        if theirs != ours:
            differences.append(f"{command}\n  real      {theirs}\n  simulated {ours}")
    assert not differences, "\n".join(differences)
