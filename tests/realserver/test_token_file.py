"""Programs that read a token file, at a real API server: the sidecar's pod, and Prometheus."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import BIN, Program, until
from realserver.client import Missing
from realserver.clients import prometheus
from realserver.cluster import NODES, RealCluster, free_ports

from kubeauth.testing import Application, Simulator
from kubeauth.testing.pod import Pod

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "token-file"
NODE = "/api/v1/nodes"


@contextlib.contextmanager
def started(argv: list[str], environ: dict[str, str], log: Path) -> Iterator[None]:
    """Run a program in the background, with its output in a file, and end it at last."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield
        assert process.poll() is None, log.read_text()[-3000:]
    finally:
        process.terminate()
        process.wait(30)


def admitted(real: RealCluster, app: Application) -> None:
    """Make an application the cluster's administrator, and wait until the server knows it."""
    real.bind("cluster-admin", "User", app.object_id)
    token = real.sim.mint_token(app)
    real.wait_for(lambda: real.ask("GET", NODE, token=token).status_code == 200, 30)


def test_the_sidecar_and_its_reader(
    real: RealCluster, sim: Simulator, program: Program, tmp_path: Path
) -> None:
    """Both containers of the example, with their commands and the webhook's environment."""
    found = list(yaml.safe_load_all((EXAMPLES / "sidecar.yaml").read_text()))
    documents: dict[str, Any] = {document["kind"]: document for document in found}
    account, issuer = documents["ServiceAccount"], sim.add_issuer()
    template = documents["Deployment"]["spec"]["template"]
    app = sim.tenant.add_application("reader")
    app.add_federated_credential(issuer=issuer.url, subject="system:serviceaccount:shop:reader")
    account["metadata"]["annotations"]["azure.workload.identity/client-id"] = app.client_id
    real.create("/api/v1/namespaces", metadata={"name": "shop"})
    for kind in ("serviceaccounts", "deployments"):
        document = documents[{"serviceaccounts": "ServiceAccount"}.get(kind, "Deployment")]
        group = "api" if kind == "serviceaccounts" else "apis/apps"
        real.create(f"/{group}/v1/namespaces/shop/{kind}?fieldValidation=Strict", **document)
    admitted(real, app)
    pod = Pod(sim, issuer, template, account, tmp_path / "projected")
    volume, config = tmp_path / "volume", tmp_path / "cluster"
    volume.mkdir()
    config.mkdir()
    (config / "ca.pem").write_bytes(real.ca_pem)

    def here(text: str) -> str:
        changed = text.replace("--group=2000", f"--group={os.getgid()}")
        return changed.replace("/token/", f"{volume}/").replace("/cluster/", f"{config}/")

    sidecar, reader = pod.container("token"), pod.container("reader")
    argv = [here(word) for word in [*sidecar["command"], *sidecar["args"]]]
    argv = [str(BIN / "kubeauth"), *argv[1:], "--disable-instance-discovery"]
    environ = {**program.environ, **pod.environ("token")}
    log = tmp_path / "sidecar.log"
    with started([*argv, f"--server-id={sim.cluster.server_id}"], environ, log):
        probe = [here(word) for word in sidecar["startupProbe"]["exec"]["command"]]
        probe[0] = str(BIN / "kubeauth")
        until(lambda: subprocess.run(probe, env=environ, check=False).returncode == 0)
        if not shutil.which("curl"):
            pytest.skip("this machine has no curl")
        ran = subprocess.run(
            ["sh", "-ec", here(reader["args"][0]).replace("sleep 60", "break")],
            env={**program.environ, **pod.environ("reader"), "SERVER": real.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0 and json.loads(ran.stdout)["kind"] == "NodeList", ran


class Prometheus:
    """A running Prometheus, asked through its API."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def up(self, since: float = 0.0) -> set[str]:
        """Return the nodes it discovered and has scraped well after ``since`` (epoch seconds)."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/targets", timeout=10) as answer:
                targets = json.load(answer)["data"]["activeTargets"]
        except OSError:
            return set()
        return {
            target["labels"]["instance"]
            for target in targets
            if target["health"] == "up" and _epoch(target["lastScrape"]) > since
        }


def _epoch(text: str) -> float:
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


@pytest.fixture
def short_tokens(sim: Simulator) -> Iterator[None]:
    """Have tokens renewed every other second."""
    before, sim.token_lifetime = sim.token_lifetime, 363
    yield
    sim.token_lifetime = before


@pytest.mark.timeout(600)
def test_prometheus_discovers_and_scrapes_with_a_token_that_changes(
    real: RealCluster,
    sim: Simulator,
    app: Application,
    program: Program,
    spn: tuple[str, ...],
    short_tokens: None,
    tmp_path: Path,
) -> None:
    """The example as it is: `kubernetes_sd` finds the nodes, and old tokens do not matter."""
    try:
        command = prometheus()
    except Missing as missing:
        pytest.skip(f"Prometheus: {missing}")
    admitted(real, app)
    file, port = tmp_path / "azure", int(real.url.rpartition(":")[2])

    def announce(node: str) -> None:
        """Give a node an address; the server's own metrics stand for its kubelet's."""
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        kind = {"Content-Type": "application/merge-patch+json"}
        answer = real.ask("PATCH", f"{NODE}/{node}/status", {"status": status}, **kind)
        assert answer.status_code == 200, answer.text

    text = (EXAMPLES / "prometheus.yml").read_text()
    text = text.replace("/token/azure", str(file)).replace("/cluster/ca.pem", str(real.ca_file))
    config = tmp_path / "prometheus.yml"
    often = "global:\n  scrape_interval: 5s\n  scrape_timeout: 5s\n"
    config.write_text(often + text.replace("https://prod.example:443", real.url))
    (listens,) = free_ports(1)
    argv = [
        *(*command, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"),
        f"--web.listen-address=127.0.0.1:{listens}",
    ]
    keeping = [*program.command, "token-file", f"--output={file}", *program.always, *spn]
    announce(NODES[0])
    found = Prometheus(listens)
    with started(keeping, program.environ, tmp_path / "keeping.log"):
        until(file.exists)
        old = file.read_text()
        with started(argv, program.environ, tmp_path / "prometheus.log"):
            until(lambda: found.up() == {NODES[0]}, 120)
            real.revoke_tokens()
            try:
                real.wait_for(lambda: real.ask("GET", "/api", token=old).status_code == 401, 90)
                until(lambda: file.read_text() != old, 60)
                rejected = time.time()
                announce(NODES[1])
                until(lambda: found.up(rejected) == set(NODES), 120)
            finally:
                real.revoke_none()
