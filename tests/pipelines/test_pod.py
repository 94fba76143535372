"""The manifests for pods: each container's command, with what the webhook and kubelet give it."""

from __future__ import annotations

import threading
import time

import kubernetes_validate
import pytest
import yaml
from pipelines.machine import EXAMPLES, VERSION, JobFailed, nodes

from kubeauth.testing.pod import Pod

pytestmark = pytest.mark.e2e

NODES = ["node-0", "node-1"]
MANIFESTS = sorted(path.name for path in (EXAMPLES / "kubernetes").glob("*.yaml"))


def documents(name):
    parsed = yaml.safe_load_all((EXAMPLES / "kubernetes" / name).read_text())
    return {document["kind"]: document for document in parsed}


def template_of(found):
    if "CronJob" in found:
        return found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]
    return found["Deployment"]["spec"]["template"]


@pytest.fixture
def issuer(sim):
    return sim.add_issuer()


@pytest.fixture
def start(sim, machine, issuer, trusting):
    """Apply a manifest whose client id is an application's; return the pod and a way to run it."""

    def begin(name, *, subject="", change=lambda template: None):
        found = documents(name)
        account, template = found["ServiceAccount"], template_of(found)
        change(template)
        named = account["metadata"]
        own = f"system:serviceaccount:{named['namespace']}:{named['name']}"
        app = trusting(issuer, subject or own)
        named["annotations"]["azure.workload.identity/client-id"] = app.client_id
        return Pod(sim, issuer, template, account, machine.folder / "tokens")

    return begin


@pytest.fixture
def environ(machine, sim):
    """The variables of a container, with its paths where the volumes are on this machine."""
    config = machine.folder / "kubeconfig"
    config.write_text(machine.kubeconfig(authority=False))
    machine.shell(f"pip install kubeauth=={VERSION}")
    flags = "-l workloadidentity --command bare"
    machine.shell(f"kubeauth convert-kubeconfig --kubeconfig {config} {flags}")
    (machine.tools / "kubeauth").unlink()

    def of(pod, name):
        paths = {"HOME": str(machine.folder / "home"), "KUBECONFIG": str(config)}
        given = pod.environ(name)
        assert set(paths) <= set(given)
        return {**given, **paths}

    return of


def run(machine, pod, name, environ, **more):
    container = pod.container(name)
    assert container["command"] == ["sh", "-ec"]
    (script,) = container["args"]
    return machine.shell(script, {**environ(pod, name), **more}, shell=("sh", "-e"))


def test_a_job_works_in_another_cluster(start, machine, environ, sim):
    pod = start("cronjob.yaml")
    assert nodes(run(machine, pod, "nightly", environ)) == NODES
    assert sim.requests.count(service="entra", path="/token") == 1
    assert "eyJ" not in machine.said


def test_a_deployment_outlives_its_tokens(start, machine, environ, sim):
    """Hours in seven seconds: tokens for the pod live six, those for the cluster four."""
    pod = start("deployment.yaml")
    sim.token_lifetime, pod.lifetime = 4, 6
    pod.rotate()
    done = threading.Event()

    def kubelet():
        while not done.wait(1):
            pod.rotate()

    def close():
        done.wait(7)
        sim.cluster.forbid("list", "nodes")

    helpers = [threading.Thread(target=each) for each in (kubelet, close)]
    for helper in helpers:
        helper.start()
    try:
        with pytest.raises(JobFailed) as ended:
            run(machine, pod, "deployer", environ, INTERVAL="1")
    finally:
        done.set()
        for helper in helpers:
            helper.join()
    ran = ended.value.ran
    assert "nodes is forbidden" in ran.stderr and "error: " not in ran.stderr
    assert len(nodes(ran)) >= 4
    assert sim.requests.count(service="entra", path="/token") >= 2
    assert not sim.cluster.refusals


def test_a_pod_without_the_label(start, machine, environ):
    def forget(template):
        template["metadata"]["labels"].pop("azure.workload.identity/use")

    pod = start("cronjob.yaml", change=forget)
    begun = time.monotonic()
    with pytest.raises(JobFailed) as failed:
        run(machine, pod, "nightly", environ)
    assert time.monotonic() - begun < 15
    assert "error: " in failed.value.ran.stderr and "hint: " in failed.value.ran.stderr


def test_a_credential_for_another_service_account(start, machine, environ):
    pod = start("cronjob.yaml", subject="system:serviceaccount:shop:other")
    begun = time.monotonic()
    with pytest.raises(JobFailed) as failed:
        run(machine, pod, "nightly", environ)
    assert time.monotonic() - begun < 15
    said = failed.value.ran.stderr
    assert "AADSTS700213" in said and "system:serviceaccount:shop:nightly" in said


class TestPod:
    def test_skips_a_container(self, start):
        def skip(template):
            template["metadata"]["annotations"] = {
                "azure.workload.identity/skip-containers": "nightly"
            }

        pod = start("cronjob.yaml", change=skip)
        assert not [name for name in pod.environ("nightly") if name.startswith("AZURE_")]

    def test_has_the_four_variables(self, start, sim):
        environ = start("cronjob.yaml").environ("nightly")
        assert environ["AZURE_AUTHORITY_HOST"] == sim.authority
        assert environ["AZURE_TENANT_ID"] == sim.tenant.id
        assert {"AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"} <= set(environ)

    def test_replaces_the_token_at_once(self, start):
        pod = start("cronjob.yaml")
        before = pod.token_file.read_text()
        pod.rotate()
        assert pod.token_file.read_text() not in ("", before)
        assert len(list(pod.token_file.parent.glob("..*"))) == 2

    def test_refuses_a_lifetime_that_kubernetes_would(self, start):
        def hurry(template):
            name = "azure.workload.identity/service-account-token-expiration"
            template["metadata"]["annotations"] = {name: "60"}

        with pytest.raises(ValueError, match="3600 to 86400"):
            start("cronjob.yaml", change=hurry)


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_manifest_follows_the_schema(name):
    for document in documents(name).values():
        kubernetes_validate.validate(document, "1.32", strict=True)
