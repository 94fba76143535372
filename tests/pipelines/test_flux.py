"""Flux: the patches that kustomize applies, and the controller's container as they leave it."""

from __future__ import annotations

import shutil

import pytest
import yaml
from pipelines.machine import EXAMPLES, VERSION, JobFailed, example, nodes

from kubeauth.testing.pod import Pod

pytestmark = pytest.mark.e2e

SUBJECT = "system:serviceaccount:flux-system:kustomize-controller"
# What `flux bootstrap` writes, as far as the example touches it.
COMPONENTS = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: kustomize-controller
  namespace: flux-system
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: source-controller
  namespace: flux-system
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: kustomize-controller
  namespace: flux-system
spec:
  selector:
    matchLabels: {app: kustomize-controller}
  template:
    metadata:
      labels: {app: kustomize-controller}
    spec:
      serviceAccountName: kustomize-controller
      containers:
        - name: manager
          image: ghcr.io/fluxcd/kustomize-controller:v1.9.4
          args: [--log-level=info, --enable-leader-election]
          env:
            - name: RUNTIME_NAMESPACE
              valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
          volumeMounts:
            - {name: temp, mountPath: /tmp}
      volumes:
        - {name: temp, emptyDir: {}}
"""
SYNC = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
"""


@pytest.fixture
def built(machine):
    """The manifests of flux-system, by kind and name."""
    folder = machine.folder / "flux-system"
    folder.mkdir()
    shutil.copy(EXAMPLES / "flux" / "kustomization.yaml", folder)
    (folder / "gotk-components.yaml").write_text(COMPONENTS)
    (folder / "gotk-sync.yaml").write_text(SYNC)
    text = machine.shell(f"kubectl kustomize {folder}").stdout
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


@pytest.fixture
def controller(machine, sim, built, trusting):
    """Run a script as the controller's container; `subject` is what the application trusts."""

    def begin(script, subject=SUBJECT):
        issuer = sim.add_issuer()
        account = built["ServiceAccount", "kustomize-controller"]
        template = built["Deployment", "kustomize-controller"]["spec"]["template"]
        app = trusting(issuer, subject)
        account["metadata"]["annotations"]["azure.workload.identity/client-id"] = app.client_id
        pod = Pod(sim, issuer, template, account, machine.folder / "tokens")
        config = machine.folder / "kubeconfig.yaml"
        config.write_text(machine.kubeconfig(authority=False))
        machine.shell(f"pip install kubeauth=={VERSION}")
        flags = "-l workloadidentity --command bare"
        machine.shell(f"kubeauth convert-kubeconfig --kubeconfig {config} {flags}")
        environ = {**pod.environ("manager"), "KUBECONFIG": str(config), "HOME": "/"}
        environ["KUBEAUTH_CACHE_DIR"] = environ["KUBEAUTH_CACHE_DIR"].replace(
            "/tmp", str(machine.temp)
        )
        return machine.shell(script, environ, shell=("sh", "-e"))

    return begin


def test_the_controller_is_changed_and_nothing_else(built):
    (container,) = built["Deployment", "kustomize-controller"]["spec"]["template"]["spec"][
        "containers"
    ]
    image = example("flux/kustomization.yaml")["images"][0]
    assert container["image"] == f"{image['newName']}:{image['newTag']}"
    assert container["args"][-1] == "--insecure-kubeconfig-exec=true"
    assert container["env"][-1] == {"name": "KUBEAUTH_CACHE_DIR", "value": "/tmp/kubeauth"}
    assert "annotations" not in built["ServiceAccount", "source-controller"]["metadata"]


def test_reaches_the_other_cluster(controller, machine, sim):
    twice = "kubectl get nodes; kubectl get nodes"
    assert nodes(controller(twice))[-2:] == ["node-0", "node-1"]
    assert sim.requests.count(service="entra", path="/token") == 1
    assert "eyJ" not in machine.said


def test_another_service_account_is_not_trusted(controller):
    other = "system:serviceaccount:flux-system:helm-controller"
    with pytest.raises(JobFailed, match="AADSTS700213") as failed:
        controller("kubectl get nodes", other)
    assert f"sub: {SUBJECT}" in str(failed.value)


def test_what_is_deployed_there_uses_that_kubeconfig():
    deployed = example("flux/other-cluster.yaml")
    assert deployed["spec"]["kubeConfig"] == {"secretRef": {"name": "other-cluster"}}
    docs = (EXAMPLES.parents[1] / "docs" / "pipelines.md").read_text()
    assert "secret generic other-cluster --from-file=value.yaml=" in docs
