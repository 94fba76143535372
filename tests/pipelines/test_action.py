"""The action at the repository's root, and the one in a container."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pipelines.github import GitHub
from pipelines.machine import ROOT, VERSION, JobFailed, everything_in, example, nodes

from kubeauth.testing import Fault

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SUBJECT = "repo:octo/shop:environment:production"
NODES = ["node-0", "node-1"]


@pytest.fixture
def issuer(sim):
    return sim.add_issuer("https://token.actions.githubusercontent.com")


@pytest.fixture
def app(issuer, trusting):
    return trusting(issuer, SUBJECT)


@pytest.fixture
def own_cloud(sim):
    """Inputs that name a cloud other than the public one."""
    authority = f"--authority-host {sim.authority} --disable-instance-discovery"
    return {"resource-manager": sim.resource_manager.url, "flags": authority}


@pytest.fixture
def inputs(sim, app, own_cloud):
    return {
        "client-id": app.client_id,
        "tenant-id": sim.tenant.id,
        "subscription-id": sim.resource_manager.subscription_id,
        "resource-group": "shop",
        "cluster-name": "prod",
        **own_cloud,
    }


@pytest.fixture
def job(issuer):
    return {"GITHUB_ACTIONS": "true", **issuer.github_actions(SUBJECT)}


class TestComposite:
    @pytest.fixture
    def runner(self, machine, job):
        return GitHub(machine, job)

    def kubectl(self, runner, job):
        path = ":".join([*reversed(runner.path), runner.machine.environ["PATH"]])
        return runner.machine.shell("kubectl get nodes", {**job, **runner.environ, "PATH": path})

    def test_fetches_credentials(self, runner, inputs, job, sim, app):
        sim.resource_manager.add_cluster("shop", "prod", users=frozenset({app.object_id}))
        runner.action(ROOT, inputs, job)
        assert nodes(self.kubectl(runner, job)) == NODES
        assert "eyJ" not in runner.machine.said
        files = dict(everything_in(runner.machine.temp / "kubeauth"))
        assert not any(b"eyJ" in text for path, text in files.items() if "cache" not in path.parts)

    def test_puts_nothing_but_its_commands_on_path(self, runner, inputs, job, sim):
        sim.resource_manager.add_cluster("shop", "prod")
        runner.action(ROOT, inputs, job)
        names = [file.name for folder in runner.path for file in Path(folder).iterdir()]
        assert sorted(names) == ["kubeauth", "kubectl-kubeauth"]

    def test_takes_a_kubeconfig(self, runner, app, job, sim, own_cloud):
        given = {"client-id": app.client_id, "tenant-id": sim.tenant.id, **own_cloud}
        runner.action(ROOT, {**given, "kubeconfig": sim.kubeconfig("azure")}, job)
        assert nodes(self.kubectl(runner, job)) == NODES
        assert sim.requests.count(service="arm") == 0

    def test_in_the_workflow(self, runner, inputs, job, sim, own_cloud):
        sim.resource_manager.add_cluster("shop", "prod")
        runner.vars = {
            "AZURE_CLIENT_ID": inputs["client-id"],
            "AZURE_TENANT_ID": inputs["tenant-id"],
            "AZURE_SUBSCRIPTION_ID": inputs["subscription-id"],
            "AKS_RESOURCE_GROUP": "shop",
            "AKS_CLUSTER_NAME": "prod",
        }
        play = lambda given: runner.action(ROOT, {**given, **own_cloud}, job)  # noqa: E731
        runner.actions = {"kubeauth/kubeauth": play}
        assert nodes(runner.run(example("github/with-action.yml"), "deploy")) == NODES

    def test_without_the_role(self, runner, inputs, job, sim):
        sim.resource_manager.add_cluster("shop", "prod", users=frozenset())
        with pytest.raises(JobFailed) as failed:
            runner.action(ROOT, inputs, job)
        assert "hint: give it the role Azure Kubernetes Service Cluster User" in str(failed.value)

    def test_a_cluster_that_is_not_there(self, runner, inputs, job):
        with pytest.raises(JobFailed, match="no cluster 'prod' in group 'shop'"):
            runner.action(ROOT, inputs, job)

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (200, b"<html>sign in to the network", "what answered is not Resource Manager"),
            (200, b'{"kubeconfigs": []}', "answered without a kubeconfig"),
            (200, b'{"kubeconfigs": null}', "answered without a kubeconfig"),
            (200, b'{"kubeconfigs": [{"value": "//79"}]}', "answered without a kubeconfig"),
            (400, b'{"error": {"code": "InvalidId", "message": "no"}}', "InvalidId: no (HTTP 400)"),
            (503, b"busy", "HTTP 503"),
        ],
    )
    def test_resource_manager_answers_something_else(
        self, runner, inputs, job, sim, status, body, said
    ):
        sim.resource_manager.add_cluster("shop", "prod")
        path = "/listClusterUserCredential"
        sim.faults.add(Fault(service="arm", path=path, status=status, body=body, times=None))
        with pytest.raises(JobFailed, match=re.escape(said)) as failed:
            runner.action(ROOT, inputs, job)
        assert "hint: " in str(failed.value) and "Traceback" not in str(failed.value)
        assert failed.value.ran.code == (4 if status == 400 else 7)

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_moment_of_trouble_is_waited_through(self, runner, inputs, job, sim, status):
        sim.resource_manager.add_cluster("shop", "prod")
        sim.faults.add(Fault(service="arm", status=status, body=b"busy"))
        runner.action(ROOT, inputs, job)
        assert nodes(self.kubectl(runner, job)) == NODES

    @pytest.mark.parametrize("flags", ["--timeout soon", "--ca-file", "--legacy=x"])
    def test_flags_that_cannot_be_read(self, runner, inputs, job, flags):
        with pytest.raises(JobFailed, match="error: ") as failed:
            runner.action(ROOT, {**inputs, "flags": flags}, job)
        assert failed.value.ran.code == 2

    @pytest.mark.parametrize("url", ["management.azure.com", "http://management.azure.com"])
    def test_an_address_that_is_none(self, runner, inputs, job, url):
        with pytest.raises(JobFailed, match="resource-manager"):
            runner.action(ROOT, {**inputs, "resource-manager": url}, job)

    def test_certificates_of_a_flag_count_everywhere(self, runner, inputs, job, sim, machine):
        sim.resource_manager.add_cluster("shop", "prod")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            del machine.environ[name]
        flags = f"{inputs['flags']} --ca-file {sim.ca_file}"
        runner.action(ROOT, {**inputs, "flags": flags}, job)
        assert nodes(self.kubectl(runner, job)) == NODES

    def test_flags_of_either_command_are_taken(self, runner, inputs, job, sim, machine):
        """Words with a star are not names of files, and Resource Manager has no audience spn:."""
        sim.resource_manager.add_cluster("shop", "prod")
        sim.cluster.legacy = True
        (machine.work / "p-notes-d").touch()
        flags = f"{inputs['flags']} --legacy --context p*d"
        runner.action(ROOT, {**inputs, "flags": flags}, job)

    def test_without_id_token_write(self, runner, inputs):
        with pytest.raises(JobFailed, match="hint: give the job `permissions: id-token: write`"):
            runner.action(ROOT, inputs, {"GITHUB_ACTIONS": "true"})

    def test_without_a_cluster(self, runner, app, job):
        with pytest.raises(JobFailed, match="hint: give kubeconfig, or subscription-id"):
            runner.action(ROOT, {"client-id": app.client_id}, job)

    def test_a_version_that_is_not_there(self, runner, inputs, job):
        with pytest.raises(JobFailed, match="No matching distribution found for kubeauth==99"):
            runner.action(ROOT, {**inputs, "version": "99"}, job)


class TestContainer:
    """Its entry point, with the variables that the runner gives the container."""

    @pytest.fixture
    def run(self, machine, job):
        machine.shell(f"pip install kubeauth=={VERSION}")

        def call(**inputs):
            meta = yaml.safe_load((ROOT / "container" / "action.yml").read_text())
            defaults = {name: about.get("default", "") for name, about in meta["inputs"].items()}
            given = {**defaults, **{n.replace("_", "-"): text for n, text in inputs.items()}}
            environ = {
                name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
                for name, value in meta["runs"]["env"].items()
            }
            tmp = {"TMPDIR": str(machine.temp)}
            script = f'exec "{ROOT}/container/entrypoint.sh"'
            return machine.shell(script, {**job, **environ, **tmp})

        return call

    def test_runs_a_command_and_leaves_nothing(self, run, inputs, sim, machine):
        sim.resource_manager.add_cluster("shop", "prod")
        assert nodes(run(run="kubectl get nodes", **inputs)) == NODES
        left = [path.name for path, _ in everything_in(machine.temp)]
        assert left == ["script.sh"]

    def test_takes_a_kubeconfig(self, run, app, sim, machine):
        given = {"client_id": app.client_id, "tenant_id": sim.tenant.id}
        ran = run(run="kubectl get nodes", kubeconfig=machine.kubeconfig(), **given)
        assert nodes(ran) == NODES

    def test_ends_as_the_command_ends(self, run, app, sim, machine):
        given = {"client_id": app.client_id, "tenant_id": sim.tenant.id}
        with pytest.raises(JobFailed) as failed:
            run(run="exit 5", kubeconfig=machine.kubeconfig(), **given)
        assert failed.value.ran.code == 5

    def test_without_a_command(self, run):
        with pytest.raises(JobFailed, match="hint: give run, for example"):
            run()
