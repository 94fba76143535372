"""GitLab CI, CircleCI, Bitbucket, Jenkins, machines in Azure, Terraform, Argo CD and Flux."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time

import hcl2
import pytest
import yaml
from pipelines.azure import stand_in
from pipelines.machine import EXAMPLES, VERSION, JobFailed, Machine, everything_in, example, nodes
from pipelines.systems import bitbucket, circleci, gitlab, jenkins

from kubeauth.testing.pod import Pod

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NODES = ["node-0", "node-1"]


class TestGitLab:
    subject = "project_path:octo/shop:ref_type:branch:ref:main"

    @pytest.fixture
    def job(self, sim, machine, trusting):
        issuer = sim.add_issuer("https://gitlab.com")
        app = trusting(issuer, self.subject)
        cluster = machine.folder / "AKS_KUBECONFIG"
        cluster.write_text(machine.kubeconfig())
        variables = {
            "AZURE_CLIENT_ID": app.client_id,
            "AZURE_TENANT_ID": sim.tenant.id,
            "AKS_KUBECONFIG": str(cluster),
        }

        def run(plan, subject=self.subject):
            mint = lambda aud: issuer.mint(subject=subject, audience=aud)  # noqa: E731
            return gitlab(machine, plan, variables, mint)

        return run

    def test_gets_in(self, job, machine):
        assert nodes(job(example("gitlab/.gitlab-ci.yml")["deploy"])) == NODES
        assert "eyJ" not in machine.said

    def test_another_branch(self, job):
        other = "project_path:octo/shop:ref_type:branch:ref:feature"
        begun = time.monotonic()
        with pytest.raises(JobFailed, match="AADSTS700213") as failed:
            job(example("gitlab/.gitlab-ci.yml")["deploy"], other)
        assert f"sub: {other}" in str(failed.value) and time.monotonic() - begun < 15

    def test_another_audience(self, job):
        plan = example("gitlab/.gitlab-ci.yml")["deploy"]
        plan["id_tokens"]["ENTRA_TOKEN"]["aud"] = "https://gitlab.com"
        with pytest.raises(JobFailed, match="AADSTS700212"):
            job(plan)

    def test_without_id_tokens(self, job):
        plan = example("gitlab/.gitlab-ci.yml")["deploy"]
        del plan["id_tokens"]
        with pytest.raises(JobFailed, match="hint: declare ENTRA_TOKEN with its aud under"):
            job(plan)


class TestCircleCI:
    organization = "33333333-0000-0000-0000-000000000003"
    subject = f"org/{organization}/project/p/user/u"

    @pytest.fixture
    def environ(self, sim, machine, trusting):
        issuer = sim.add_issuer(f"https://oidc.circleci.com/org/{self.organization}")
        app = trusting(issuer, self.subject, audience=self.organization)
        encode = ["base64", "-w0"]
        text = subprocess.run(encode, input=machine.kubeconfig(), capture_output=True, text=True)
        token = issuer.mint(subject=self.subject, audience=self.organization)
        return {
            "AZURE_CLIENT_ID": app.client_id,
            "AZURE_TENANT_ID": sim.tenant.id,
            "AKS_KUBECONFIG_BASE64": text.stdout,
            "CIRCLE_OIDC_TOKEN": token,
        }

    def test_gets_in(self, environ, machine):
        job = example("circleci/config.yml")["jobs"]["deploy"]
        assert nodes(circleci(machine, job, environ)) == NODES
        assert "eyJ" not in machine.said

    def test_without_a_token(self, environ, machine):
        job = example("circleci/config.yml")["jobs"]["deploy"]
        del environ["CIRCLE_OIDC_TOKEN"]
        with pytest.raises(JobFailed, match="the variable CIRCLE_OIDC_TOKEN is not set"):
            circleci(machine, job, environ)


class TestBitbucket:
    @pytest.fixture
    def environ(self, sim, machine):
        app = sim.tenant.add_application("deployer")
        app.secrets.clear()
        texts = {"KUBECONFIG": machine.kubeconfig().encode(), "CERTIFICATE": app.new_certificate()}
        encoded = {name: base64.b64encode(text).decode() for name, text in texts.items()}
        ids = {"AKS_CLIENT_ID": app.client_id, "AKS_TENANT_ID": sim.tenant.id}
        return ids | {f"AKS_{name}_BASE64": text for name, text in encoded.items()}

    @pytest.fixture
    def step(self):
        (found,) = example("bitbucket/bitbucket-pipelines.yml")["pipelines"]["branches"]["main"]
        return found["step"]

    def test_gets_in(self, environ, machine, step):
        """The log shows each command, and no secret is in one."""
        assert nodes(bitbucket(machine, step, environ)) == NODES
        assert "+ kubectl get nodes" in machine.said
        assert environ["AKS_CERTIFICATE_BASE64"][:60] not in machine.said
        assert "PRIVATE KEY" not in machine.said

    def test_a_certificate_that_is_not_registered(self, environ, machine, step, sim):
        other = sim.tenant.add_application("other").new_certificate()
        environ["AKS_CERTIFICATE_BASE64"] = base64.b64encode(other).decode()
        with pytest.raises(JobFailed, match="AADSTS700027"):
            bitbucket(machine, step, environ)


class TestJenkins:
    @pytest.fixture
    def workspace(self, machine, sim):
        """A job's workspace on one agent; each signs az in as another user."""
        text = (EXAMPLES / "jenkins" / "Jenkinsfile").read_text()
        stand_in(machine, sim, machine.folder / "home" / ".azure", ("shop", "one", "two"))

        def run(name, plan=text):
            folder = machine.folder / f"{name}@tmp"
            folder.mkdir(exist_ok=True)
            environ = {
                "WORKSPACE_TMP": str(folder),
                "AZURE_CLIENT_ID": name,
                "AKS_RESOURCE_GROUP": "shop",
                "AKS_CLUSTER_NAME": "prod",
            }
            return jenkins(machine, plan, environ)

        return run

    def test_gets_in(self, workspace):
        assert nodes(workspace("shop")) == NODES

    def test_workspaces_do_not_act_as_each_other(self, workspace, machine):
        text = (EXAMPLES / "jenkins" / "Jenkinsfile").read_text()
        text = text.replace("kubectl get nodes", "kubectl auth whoami -o json")
        seen = {name: json.loads(workspace(name, text).stdout) for name in ("one", "two")}
        users = {name: said["status"]["userInfo"]["username"] for name, said in seen.items()}
        assert len(set(users.values())) == 2, users

    def test_leaves_no_token(self, workspace, machine):
        workspace("shop")
        left = [path for path, text in everything_in(machine.folder) if b"eyJ0" in text]
        assert left == []


class TestMachineInAzure:
    @pytest.mark.parametrize("kind", ["system", "user"])
    def test_gets_in(self, kind, sim, machine):
        sim.add_managed_identity(system_assigned=True)
        assigned = sim.add_managed_identity()
        config = machine.folder / "kubeconfig"
        config.write_text(machine.kubeconfig())
        environ = {"KUBECONFIG": str(config)}
        if kind == "user":
            environ["AZURE_CLIENT_ID"] = assigned.client_id
        script = (EXAMPLES / "vm" / "managed-identity.sh").read_text()
        assert nodes(machine.shell(script, environ, shell=("sh",))) == NODES
        (asked,) = [each for each in sim.requests if each.service == "imds"]
        assert ("client_id" in asked.query) == (kind == "user")


def terraform_exec(provider):
    """Return the exec block of a provider, with its arguments as Terraform would compute them."""
    with (EXAMPLES / "terraform" / "main.tf").open() as file:
        parsed = hcl2.load(file)
    (block,) = [each[f'"{provider}"'] for each in parsed["provider"] if f'"{provider}"' in each]
    found = block["exec"][0] if provider == "kubernetes" else block["kubernetes"]["exec"]
    assert found["args"] == "${local.kubeauth}"
    words = re.findall(r'"([^"]+)"', parsed["locals"][0]["kubeauth"])
    api_version, command = (found[name].strip('"') for name in ("api_version", "command"))
    return {"apiVersion": api_version, "command": command, "args": words}


class TestExecBlocks:
    """What Terraform and Argo CD do with an exec block is what client-go does; kubectl does it."""

    @pytest.fixture
    def pod(self, sim, machine, trusting):
        issuer = sim.add_issuer()
        account = {"metadata": {"name": "runner", "namespace": "tools", "annotations": {}}}
        template = {
            "metadata": {"labels": {"azure.workload.identity/use": "true"}},
            "spec": {"serviceAccountName": "runner", "containers": [{"name": "runner"}]},
        }
        app = trusting(issuer, "system:serviceaccount:tools:runner")
        account["metadata"]["annotations"]["azure.workload.identity/client-id"] = app.client_id
        machine.shell(f"pip install kubeauth=={VERSION}")
        return Pod(sim, issuer, template, account, machine.folder / "tokens")

    @pytest.fixture
    def kubectl(self, sim, machine: Machine):
        def run(block, environ):
            config = yaml.safe_load(sim.kubeconfig("exec"))
            config["users"][0]["user"] = {"exec": {"interactiveMode": "Never", **block}}
            file = machine.folder / "config.json"
            file.write_text(json.dumps(config))
            return machine.shell("kubectl get nodes", {**environ, "KUBECONFIG": str(file)})

        return run

    def test_argo_cd(self, kubectl, pod, sim):
        secret = example("argo-cd/cluster.yaml")
        assert secret["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "cluster"}
        given = json.loads(secret["stringData"]["config"])["execProviderConfig"]
        env = [{"name": name, "value": value} for name, value in given.pop("env").items()]
        given["args"].append("--disable-instance-discovery")
        assert nodes(kubectl({**given, "env": env}, pod.environ("runner"))) == NODES

    @pytest.mark.parametrize("provider", ["kubernetes", "helm"])
    def test_terraform(self, kubectl, pod, sim, provider):
        block = terraform_exec(provider)
        block["args"] += ["--authority-host", sim.authority, "--disable-instance-discovery"]
        variables = pod.environ("runner")
        environ = {
            "ARM_CLIENT_ID": variables["AZURE_CLIENT_ID"],
            "ARM_TENANT_ID": variables["AZURE_TENANT_ID"],
            "ARM_OIDC_TOKEN_FILE_PATH": variables["AZURE_FEDERATED_TOKEN_FILE"],
        }
        assert nodes(kubectl(block, environ)) == NODES

    @pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform")
    def test_terraforms_own_format(self):
        check = ["terraform", "fmt", "-check", "-diff", str(EXAMPLES / "terraform")]
        done = subprocess.run(check, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "login",
    [
        "devicecode",
        pytest.param("interactive", marks=pytest.mark.slow),
        pytest.param("auto", marks=pytest.mark.slow),
    ],
)
def test_a_persons_login_in_a_job_asks_nobody(login, machine):
    """A kubeconfig that was meant for a person: an exit code and a hint, within seconds."""
    config = machine.folder / "config"
    config.write_text(machine.kubeconfig())
    machine.shell(f"pip install kubeauth=={VERSION}")
    environ = {"KUBECONFIG": str(config), "CI": "true"}
    machine.shell(f"kubeauth convert-kubeconfig -l {login}", environ)
    begun = time.monotonic()
    with pytest.raises(JobFailed, match="hint: ") as failed:
        machine.shell("kubectl get nodes", environ, limit=20)
    assert time.monotonic() - begun < 15
    assert failed.value.ran.code == 1 and "devicelogin" not in str(failed.value)
    assert machine.sim.requests.count(service="entra", path="/devicecode") == 0
