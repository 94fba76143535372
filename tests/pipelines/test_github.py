"""The workflows for GitHub Actions, step by step."""

from __future__ import annotations

import time

import pytest
from pipelines.azure import sign_in_with_token, stand_in, use_real_az
from pipelines.github import GitHub
from pipelines.machine import JobFailed, everything_in, example, nodes

pytestmark = pytest.mark.e2e

SUBJECT = "repo:octo/shop:ref:refs/heads/main"
NODES = ["node-0", "node-1"]


@pytest.fixture
def issuer(sim):
    return sim.add_issuer("https://token.actions.githubusercontent.com")


@pytest.fixture
def runner(sim, machine, issuer, trusting):
    app = trusting(issuer, SUBJECT)
    values = {
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_TENANT_ID": sim.tenant.id,
        "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
        "AKS_KUBECONFIG": machine.kubeconfig(),
        "AKS_RESOURCE_GROUP": "shop",
        "AKS_CLUSTER_NAME": "prod",
    }
    return GitHub(machine, issuer.github_actions(SUBJECT), values)


class TestWorkloadIdentity:
    workflow = "github/workload-identity.yml"

    def test_gets_in(self, runner, sim):
        assert nodes(runner.run(example(self.workflow), "deploy")) == NODES
        assert sim.requests.count(service="issuer", path="/github") == 1
        assert sim.requests.count(service="entra", path="/token") == 1

    def test_a_job_outlives_its_tokens(self, runner, sim):
        sim.token_lifetime = 4
        workflow = example(self.workflow)
        later = {"run": "sleep 4.2; kubectl get nodes"}
        workflow["jobs"]["deploy"]["steps"].append(later)
        assert nodes(runner.run(workflow, "deploy")) == NODES
        assert sim.requests.count(service="issuer", path="/github") >= 2
        assert not sim.cluster.refusals

    def test_shows_and_leaves_no_secret(self, runner, machine):
        runner.run(example(self.workflow), "deploy")
        job = runner.token["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
        assert job not in machine.said and "eyJ" not in machine.said
        files = dict(everything_in(machine.folder))
        kept = [path for path, text in files.items() if b"eyJ" in text or job.encode() in text]
        # The runner empties RUNNER_TEMP when the job is over.
        cache = machine.temp / "kubeauth-cache"
        assert kept and all(path.is_relative_to(cache) for path in kept)
        assert not any(job.encode() in files[path] for path in kept)

    def test_a_job_without_its_permission(self, runner):
        workflow = example(self.workflow)
        workflow["jobs"]["deploy"]["permissions"] = {"contents": "read"}
        begun = time.monotonic()
        with pytest.raises(JobFailed) as failed:
            runner.run(workflow, "deploy")
        assert time.monotonic() - begun < 15
        assert "error: " in failed.value.ran.stderr
        assert "hint: give the job `permissions: id-token: write`" in failed.value.ran.stderr

    def test_a_credential_for_another_branch(self, runner, issuer):
        runner.token = issuer.github_actions("repo:octo/shop:ref:refs/heads/feature")
        begun = time.monotonic()
        with pytest.raises(JobFailed) as failed:
            runner.run(example(self.workflow), "deploy")
        assert time.monotonic() - begun < 15
        said = failed.value.ran.stderr
        assert "AADSTS700213" in said and "hint: " in said
        assert "sub: repo:octo/shop:ref:refs/heads/feature" in said
        assert issuer.url in said


class TestAzureLogin:
    workflow = "github/azure-login.yml"

    def test_gets_in(self, runner, sim, machine):
        config = machine.folder / "home" / ".azure"
        runner.actions = {"azure/login": lambda _: stand_in(machine, sim, config)}
        assert nodes(runner.run(example(self.workflow), "deploy")) == NODES
        assert sim.requests.count(service="entra", path="/token") == 1

    @pytest.mark.slow
    def test_without_azure_login(self, runner, sim, machine):
        stand_in(machine, sim, machine.folder / "elsewhere")
        runner.actions = {"azure/login": lambda _: None}
        with pytest.raises(JobFailed) as failed:
            runner.run(example(self.workflow), "deploy")
        assert "hint: " in failed.value.ran.stderr and "az login" in failed.value.ran.stderr

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_with_the_real_azure_cli(self, runner, sim, machine, issuer):
        config = machine.folder / "home" / ".azure"
        use_real_az(machine, config)
        sim.resource_manager.add_cluster("shop", "prod")

        def azure_login(given):
            assert given["subscription-id"] == sim.resource_manager.subscription_id
            assert given["tenant-id"] == sim.tenant.id
            token = issuer.mint(subject=SUBJECT)
            sign_in_with_token(machine, config, given["client-id"], token)

        runner.actions = {"azure/login": azure_login}
        assert nodes(runner.run(example(self.workflow), "deploy")) == NODES
        assert sim.requests.count(service="arm", path="/listClusterUserCredential") == 1
        assert "eyJ" not in machine.said
