"""The examples of docs/token-file.md: each is validated, and run with what it says."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from harness import BIN, not_on_windows

from kubeauth.testing import Application, Simulator
from kubeauth.testing.pod import Pod

if TYPE_CHECKING:
    from harness import Program

kubernetes_validate = pytest.importorskip("kubernetes_validate")
pytestmark = [pytest.mark.process, not_on_windows("systemd, containers and Prometheus of Linux")]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "token-file"
UNIT = EXAMPLES / "kubeauth-token-file.service"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@contextmanager
def started(argv: list[str], environ: dict[str, str], file: Path) -> Iterator[Any]:
    with subprocess.Popen(
        argv, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not file.exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.terminate()
            assert process.wait(10) == 0


def ask(sim: Simulator, token: str, path: str = "/api/v1/nodes") -> int:
    request = urllib.request.Request(
        sim.cluster.server + path, headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context(cadata=sim.cluster.ca_pem.decode())
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class TestSystemd:
    def test_the_unit_is_valid(self, tmp_path: Path) -> None:
        if not shutil.which("systemd-analyze"):
            pytest.skip("this machine has no systemd-analyze")
        program = tmp_path / ".local" / "bin" / "kubeauth"
        program.parent.mkdir(parents=True)
        program.symlink_to(BIN / "kubeauth")
        copy = tmp_path / UNIT.name
        shutil.copy(UNIT, copy)
        copy.write_text(copy.read_text().replace("%h", str(tmp_path)))
        ran = subprocess.run(
            ["systemd-analyze", "--user", "verify", "--man=no", str(copy)],
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        )
        said = [line for line in ran.stderr.splitlines() if UNIT.name in line]
        assert said == [] and ran.returncode == 0, ran.stderr

    def test_what_it_starts(
        self, program: Program, sim: Simulator, app: Application, tmp_path: Path
    ) -> None:
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read(UNIT)
        service = unit["Service"]
        folder = tmp_path / "run" / service["RuntimeDirectory"]
        folder.mkdir(parents=True, mode=int(service["RuntimeDirectoryMode"], 8))
        line = service["ExecStart"].replace("%h/.local/bin", str(BIN))
        argv = shlex.split(line.replace("%t", str(tmp_path / "run")))
        config = tmp_path / "config"
        config.write_text(sim.kubeconfig(context="prod"))
        secret = {"AZURE_CLIENT_SECRET": app.secret, "KUBECONFIG": str(config)}
        convert = ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)
        here = ("--authority-host", sim.authority, "--disable-instance-discovery")
        assert program("convert-kubeconfig", *convert, *here, **secret).code == 0
        file = folder / "token"
        with started(argv, {**program.environ, **secret}, file):
            assert ask(sim, file.read_text()) == 200


class TestSidecar:
    @pytest.fixture
    def documents(self) -> dict[str, Any]:
        parsed = yaml.safe_load_all((EXAMPLES / "sidecar.yaml").read_text())
        return {document["kind"]: document for document in parsed}

    def test_the_manifest_is_valid(self, documents: dict[str, Any]) -> None:
        for document in documents.values():
            kubernetes_validate.validate(document, "1.37", strict=True)

    def test_its_containers(
        self, documents: dict[str, Any], program: Program, sim: Simulator, tmp_path: Path
    ) -> None:
        """Each container's command, with the webhook's variables and its paths on this machine."""
        account = documents["ServiceAccount"]
        template = documents["Deployment"]["spec"]["template"]
        spec, issuer = template["spec"], sim.add_issuer()
        app = sim.tenant.add_application("reader")
        app.add_federated_credential(issuer=issuer.url, subject="system:serviceaccount:shop:reader")
        account["metadata"]["annotations"]["azure.workload.identity/client-id"] = app.client_id
        pod = Pod(sim, issuer, template, account, tmp_path / "projected")
        volume, config = tmp_path / "volume", tmp_path / "cluster"
        volume.mkdir()
        config.mkdir()
        (config / "ca.pem").write_bytes(sim.cluster.ca_pem)

        def here(words: list[str]) -> list[str]:
            group = [w.replace("--group=2000", f"--group={os.getgid()}") for w in words]
            found = [w.replace("/token/", f"{volume}/") for w in group]
            return [str(BIN / "kubeauth") if w == "kubeauth" else w for w in found]

        sidecar = pod.container("token")
        probe = here(sidecar["startupProbe"]["exec"]["command"])
        environ = {**program.environ, **pod.environ("token")}
        more = ["--disable-instance-discovery", f"--server-id={sim.cluster.server_id}"]
        before = subprocess.run(probe, env=environ, capture_output=True, check=False)
        assert before.returncode == 10
        argv = here([*sidecar["command"], *sidecar["args"]])
        with started([*argv, *more], environ, volume / "azure"):
            assert subprocess.run(probe, env=environ, check=False).returncode == 0
            liveness = here(sidecar["livenessProbe"]["exec"]["command"])
            assert subprocess.run(liveness, env=environ, check=False).returncode == 0
            reader = pod.container("reader")
            (script,) = reader["args"]
            script = script.replace("/token/", f"{volume}/").replace("/cluster/", f"{config}/")
            assert "sleep 60" in script
            if not shutil.which("curl"):
                pytest.skip("this machine has no curl")
            ran = subprocess.run(
                ["sh", "-ec", script.replace("sleep 60", "break")],
                env={**program.environ, **pod.environ("reader"), "SERVER": sim.cluster.server},
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0 and '"node-0"' in ran.stdout, ran
        assert {v["name"] for v in spec["volumes"]} == {"token", "cluster"}


class TestPrometheus:
    @pytest.fixture
    def job(self) -> Any:
        return yaml.safe_load((EXAMPLES / "prometheus.yml").read_text())["scrape_configs"][0]

    def test_its_discovery_outlives_a_token(
        self, job: Any, program: Program, sim: Simulator, spn: tuple[str, ...], tmp_path: Path
    ) -> None:
        """A double of kubernetes_sd: it reads credentials_file for each request.

        tests/realserver/test_token_file.py has the real Prometheus.
        """
        (discovery,) = job["kubernetes_sd_configs"]
        assert discovery["role"] == "node" and discovery["api_server"].startswith("https://")
        named = discovery["authorization"]["credentials_file"]
        assert named == job["authorization"]["credentials_file"] == "/token/azure"
        file = tmp_path / "azure"
        sim.token_lifetime = 363
        words = ["token-file", f"--output={file}", *program.always, *spn]
        with started([*program.command, *words], program.environ, file):
            tokens, deadline = set[str](), time.monotonic() + 30
            while len(tokens) < 3:
                tokens.add(file.read_text())
                assert ask(sim, file.read_text()) == 200
                assert time.monotonic() < deadline
                time.sleep(0.05)
