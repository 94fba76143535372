"""The tutorials on a pipeline, a pod and an operator, followed to the letter.

In place of Azure there is an `az` that writes down what it is asked and answers with ids; what was
registered with it is then registered with the simulator.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import BIN, basic_environ, not_on_windows
from pipelines.github import GitHub
from pipelines.machine import JobFailed, Machine, nodes
from reader import blocks

from kubeauth.testing import Application, Simulator
from kubeauth.testing.pod import Pod

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = [pytest.mark.slow, pytest.mark.e2e, not_on_windows("the blocks are for a POSIX shell")]

_AZ = """\
#!{python} -I
import json, shutil, sys
words = sys.argv[1:]
with open({log!r}, "a") as file:
    file.write(json.dumps(words) + "\\n")
if words[:2] == ["aks", "get-credentials"]:
    shutil.copy({fetched!r}, words[words.index("--file") + 1])
for command, query, answer in {answers!r}:
    if " ".join(words).startswith(command) and query in words:
        print(answer)
"""


class Azure:
    """An `az` and a `gh` on a machine, and what was asked of them."""

    def __init__(self, machine: Machine, app: Application, issuer: str) -> None:
        self.machine, self.log = machine, machine.folder / "asked"
        fetched = machine.folder / "fetched"
        fetched.write_text(machine.kubeconfig(authority=False))
        answers = [
            ("ad app create", "appId", app.client_id),
            ("ad sp create", "id", app.object_id),
            ("identity create", "clientId", app.client_id),
            ("identity show", "principalId", app.object_id),
            ("account show", "tenantId", machine.sim.tenant.id),
            ("account show", "id", machine.sim.resource_manager.subscription_id),
            ("aks show", "oidcIssuerProfile.issuerUrl", issuer),
            ("aks show", "id", "/subscriptions/one/cluster"),
        ]
        values = {"python": sys.executable, "log": str(self.log), "fetched": str(fetched)}
        for name in ("az", "gh"):
            machine.add_program(name, _AZ.format(answers=answers, **values))

    def asked(self, *words: str) -> list[list[str]]:
        """Return the commands that begin with these words."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line[: len(words)] == list(words)]


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def commands(name: str) -> str:
    """Return all command blocks of a page, as one script."""
    found = [block for block in blocks(DOCS / name) if not block.skipped]
    return "\n".join(command for block in found for command, _ in block.commands)


def fenced(name: str, kind: str) -> str:
    return re.findall(rf"^```{kind}\n(.*?)^```$", (DOCS / name).read_text("utf-8"), re.M | re.S)[0]


@pytest.fixture
def machine(sim: Simulator, tmp_path: Path) -> Machine:
    return Machine(sim, tmp_path)


@pytest.fixture
def app(sim: Simulator) -> Application:
    app = sim.tenant.add_application("deployer")
    app.secrets.clear()
    return app


class TestThePipeline:
    PAGE = "tutorial-pipeline.md"
    ISSUER = "https://token.actions.githubusercontent.com"

    @pytest.fixture
    def workflow(self, sim: Simulator) -> Any:
        """The job of the page, with the flags that point to the simulator."""
        text = fenced(self.PAGE, "yaml")
        cloud = f"--resource-manager {sim.resource_manager.url} --disable-instance-discovery"
        assert "kubeauth get-credentials" in text
        text = text.replace(
            "kubeauth get-credentials",
            f"kubeauth get-credentials {cloud} --authority-host {sim.authority}",
        )
        return yaml.safe_load(text)

    @pytest.fixture
    def runner(self, sim: Simulator, machine: Machine, app: Application) -> GitHub:
        """A runner for the repository as the page's commands have left it, and Azure."""
        azure = Azure(machine, app, self.ISSUER)
        machine.shell(commands(self.PAGE))
        (created,) = azure.asked("ad", "app", "federated-credential", "create")
        credential = json.loads(option(created, "--parameters"))
        assert option(created, "--id") == app.client_id
        assert credential["audiences"] == ["api://AzureADTokenExchange"]
        issuer = sim.add_issuer(credential["issuer"])
        app.add_federated_credential(issuer=issuer.url, subject=credential["subject"])
        roles = [option(asked, "--role") for asked in azure.asked("role", "assignment", "create")]
        assert "Azure Kubernetes Service Cluster User Role" in roles
        allowed = frozenset({app.object_id})
        sim.resource_manager.add_cluster("shop", "prod", users=allowed)
        variables = {a[2]: option(a, "--body") for a in azure.asked("variable", "set")}
        subject = "repo:octo/shop:ref:refs/heads/main"
        return GitHub(machine, issuer.github_actions(subject), variables)

    def test_lists_the_nodes(self, runner: GitHub, workflow: Any) -> None:
        assert nodes(runner.run(workflow, "deploy")) == ["node-0", "node-1"]

    def test_fails_as_the_page_says(self, runner: GitHub, workflow: Any) -> None:
        del workflow["permissions"]["id-token"]
        with pytest.raises(JobFailed) as failed:
            runner.run(workflow, "deploy")
        shown = [text for text in fails(self.PAGE) if "permissions" in text]
        assert shown == [failed.value.ran.stderr]


def fails(name: str) -> list[str]:
    """Return the failures that a page shows."""
    text = (DOCS / name).read_text("utf-8")
    return re.findall(r"^```text\n(error: .*?)^```$", text, re.M | re.S)


class TestThePod:
    PAGE = "tutorial-pod.md"

    @pytest.fixture
    def pod(self, sim: Simulator, machine: Machine, app: Application) -> Pod:
        """The pod of the page, in a cluster whose issuer vouches as the page's commands say."""
        issuer = sim.add_issuer()
        azure = Azure(machine, app, issuer.url)
        machine.shell("pip install kubeauth==0.1.0")
        # kubectl's own commands are for the first cluster, which is not the simulated one.
        (machine.tools / "first").mkdir()
        machine.add_program("first/kubectl", "#!/bin/sh\nexit 0\n")
        machine.shell(f"PATH={machine.tools}/first:$PATH\n{commands(self.PAGE)}")
        (created,) = azure.asked("identity", "federated-credential", "create")
        app.add_federated_credential(
            issuer=option(created, "--issuer"),
            subject=option(created, "--subject"),
            audience=option(created, "--audiences"),
        )
        (machine.tools / "kubeauth").unlink()
        text = fenced(self.PAGE, "yaml").replace("CLIENT-ID", app.client_id)
        account, template = yaml.safe_load_all(text)
        return Pod(sim, issuer, template, account, machine.folder / "tokens")

    def run(self, machine: Machine, pod: Pod) -> str:
        container = pod.container("nightly")
        assert container["command"] == ["sh", "-ec"]
        (script,) = container["args"]
        paths = {
            "HOME": str(machine.folder / "home"),
            "KUBECONFIG": str(machine.work / "kubeconfig.yaml"),
        }
        environ = {**pod.environ("nightly"), **paths}
        environ["AZURE_AUTHORITY_HOST"] = machine.sim.authority
        return machine.shell(script, environ, shell=("sh", "-e")).stdout

    def test_lists_the_namespaces(self, machine: Machine, pod: Pod) -> None:
        assert "kube-system" in self.run(machine, pod)

    def test_fails_as_the_page_says(self, sim: Simulator, machine: Machine, pod: Pod) -> None:
        pod.environ = lambda _: {}  # type: ignore[method-assign]
        with pytest.raises(JobFailed) as failed:
            self.run(machine, pod)
        (shown,) = fails(self.PAGE)
        assert failed.value.ran.stderr.startswith(shown)


class TestTheOperator:
    PAGE = "tutorial-operator.md"

    @pytest.fixture
    def exports(self) -> Iterator[str]:
        """The lines to paste, while the small world runs."""
        command = [sys.executable, "-m", "kubeauth.testing"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as world:
            assert world.stdout is not None
            lines = []
            while not (line := world.stdout.readline()).startswith("#"):
                lines.append(line)
            yield "".join(lines)
            world.terminate()

    def test_labels_a_new_namespace(self, exports: str, tmp_path: Path) -> None:
        (tmp_path / "labels.py").write_text(fenced(self.PAGE, "python"))
        environ = basic_environ(tmp_path)
        environ["PATH"] = os.pathsep.join([str(BIN), "/usr/bin", "/bin"])

        def paste(command: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["bash", "-ec", exports + command],
                env=environ,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
            )

        marked = [b for b in blocks(DOCS / self.PAGE) if b.marked]
        convert, start, act, fail, clean = ("\n".join(c for c, _ in b.commands) for b in marked)
        assert paste(convert).returncode == 0
        with subprocess.Popen(
            ["bash", "-c", f"{exports}exec {start}"],
            env=environ,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        ) as operator:
            try:
                assert operator.stdout is not None
                assert operator.stdout.readline() == "default: labelled\n"
                done = paste(act)
            finally:
                operator.terminate()
        assert done.returncode == 0, done.stderr
        assert "team=unknown" in done.stdout
        done = paste(fail)
        assert done.returncode != 0
        assert done.stderr.splitlines()[-1].startswith("hint: the secret is wrong: ")
        assert paste(clean).returncode == 0
