"""The pipelines for Azure DevOps, step by step."""

from __future__ import annotations

import time

import pytest
from pipelines.azure import sign_in_with_token, stand_in, use_real_az
from pipelines.machine import JobFailed, example, nodes
from pipelines.systems import AzurePipelines

pytestmark = pytest.mark.e2e

SUBJECT = "sc://contoso/shop/aks-deployer"
NODES = ["node-0", "node-1"]
CONNECTION = "22222222-0000-0000-0000-000000000002"


@pytest.fixture
def issuer(sim):
    return sim.add_issuer("https://vstoken.dev.azure.com/11111111-0000-0000-0000-000000000001")


@pytest.fixture
def app(issuer, trusting):
    return trusting(issuer, SUBJECT)


@pytest.fixture
def agent(sim, machine, issuer, app):
    cluster = machine.folder / "kubeconfig.yaml"
    cluster.write_text(machine.kubeconfig())
    variables = {
        "AKS_CLIENT_ID": app.client_id,
        "AKS_TENANT_ID": sim.tenant.id,
        "AKS_SERVICE_CONNECTION_ID": CONNECTION,
        "AKS_RESOURCE_GROUP": "shop",
        "AKS_CLUSTER_NAME": "prod",
    }
    offered = issuer.azure_pipelines(SUBJECT)
    return AzurePipelines(machine, offered, variables, {"kubeconfig.yaml": cluster})


class TestServiceConnection:
    pipeline = "azure-pipelines/service-connection.yml"

    def test_gets_in(self, agent, sim):
        assert nodes(agent.run(example(self.pipeline))) == NODES
        (asked,) = [each for each in sim.requests if each.path.endswith("/pipelines")]
        assert asked.query["serviceConnectionId"] == CONNECTION
        assert agent.offered["SYSTEM_ACCESSTOKEN"] not in agent.machine.said
        assert "eyJ" not in agent.machine.said

    def test_a_step_without_the_jobs_token(self, agent):
        pipeline = example(self.pipeline)
        del pipeline["steps"][-1]["env"]["SYSTEM_ACCESSTOKEN"]
        begun = time.monotonic()
        with pytest.raises(JobFailed, match=r"hint: in the step, write `env: \{SYSTEM_ACCESSTOKEN"):
            agent.run(pipeline)
        assert time.monotonic() - begun < 15

    @pytest.mark.slow
    def test_a_credential_for_another_connection(self, agent, issuer):
        agent.offered = issuer.azure_pipelines("sc://contoso/shop/other")
        with pytest.raises(JobFailed, match="AADSTS700213") as failed:
            agent.run(example(self.pipeline))
        assert "sub: sc://contoso/shop/other" in str(failed.value)
        assert failed.value.ran.code != 0


class TestCertificate:
    def test_gets_in(self, agent, app, machine):
        file = machine.folder / "deployer.pem"
        file.touch(0o600)
        file.write_bytes(app.new_certificate())
        agent.secure_files = {**agent.secure_files, "deployer.pem": file}
        assert nodes(agent.run(example("azure-pipelines/certificate.yml"))) == NODES
        assert "PRIVATE KEY" not in machine.said


class TestAzureCli:
    pipeline = "azure-pipelines/azure-cli.yml"

    def test_gets_in(self, agent, machine, sim):
        def azure_cli(connection, config):
            assert connection == "aks-deployer"
            stand_in(machine, sim, config)
            return {}

        agent.azure_cli = azure_cli
        assert nodes(agent.run(example(self.pipeline))) == NODES

    @pytest.fixture
    def with_real_az(self, agent, machine, app, issuer):
        def azure_cli(connection, config):
            use_real_az(machine, config)
            sign_in_with_token(machine, config, app.client_id, issuer.mint(subject=SUBJECT))
            return {"AZURESUBSCRIPTION_CLIENT_ID": app.client_id}

        agent.azure_cli = azure_cli
        return agent

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_with_the_real_azure_cli(self, with_real_az, sim, app):
        sim.resource_manager.add_cluster("shop", "prod", users=frozenset({app.object_id}))
        assert nodes(with_real_az.run(example(self.pipeline))) == NODES
        assert sim.requests.count(service="arm", path="/listClusterUserCredential") == 1
        assert "eyJ" not in with_real_az.machine.said

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_with_the_real_azure_cli_without_the_role(self, with_real_az, sim):
        sim.resource_manager.add_cluster("shop", "prod", users=frozenset())
        with pytest.raises(JobFailed, match="AuthorizationFailed"):
            with_real_az.run(example(self.pipeline))
