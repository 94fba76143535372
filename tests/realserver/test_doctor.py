"""`kubeauth doctor` at a real API server: its findings, and the lines typed as they stand."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from desk import Kubectl
from doctoring import Stage
from harness import Program
from realserver.cluster import RealCluster

from kubeauth.testing import Application, Simulator


@pytest.fixture
def stage(
    real: RealCluster, program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
) -> Stage:
    made = Stage(program, sim, app, spn)
    made.write()
    return made


def only(stage: Stage) -> dict[str, str]:
    found: list[dict[str, str]] = stage.doctor()["findings"]
    assert len(found) == 1, found
    return found[0]


def _fill_view(real: RealCluster) -> None:
    """Do what the controller manager, which does not run here, does with the role "view"."""
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    answer = real.ask(
        "PATCH",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/view",
        {"aggregationRule": None, "rules": [rule]},
        **{"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("namespace", "kind"), [("", "clusterrolebinding"), ("default", "role")])
def test_the_administrator_types_the_line(
    stage: Stage, real: RealCluster, newest_kubectl: Kubectl, namespace: str, kind: str
) -> None:
    stage.change(
        lambda content: content["contexts"][0]["context"].update(
            {"namespace": namespace} if namespace else {}
        )
    )
    _fill_view(real)
    found = only(stage)
    assert "may not list pods in namespace default: it has no role there" in found["problem"]
    assert found["next"].startswith(f"kubectl create {kind}")
    folder = os.path.dirname(newest_kubectl.path)
    environ = {
        "KUBECONFIG": str(real.admin_kubeconfig()),
        "PATH": f"{folder}:/usr/bin:/bin",
        "HOME": str(stage.program.home),
    }
    subprocess.run(["/bin/sh", "-c", found["next"]], env=environ, check=True, timeout=60)
    # The server's own view of the roles follows within a moment.
    deadline = time.monotonic() + 60
    while (left := stage.doctor()["findings"]) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == []


def test_another_audience_is_told_by_trying(stage: Stage, real: RealCluster) -> None:
    other = stage.sim.tenant.add_application("another server")
    stage.write("--server-id", other.client_id)
    found = only(stage)
    assert "the server accepts one for 6dae42f8" in found["problem"]
    assert found["next"].startswith("kubeauth convert-kubeconfig --context prod --server-id")


def test_what_is_left_without_such_a_token(
    stage: Stage, real: RealCluster, api: Application
) -> None:
    """The server trusts version 2 for its own audience; this application has another one."""
    other = stage.sim.tenant.add_application("not its own")
    other.token_version = 2
    trusted = stage.sim.cluster.server_id
    stage.sim.cluster.server_id = "nobody-asks-for-this"
    real.trust()
    try:
        stage.write("--server-id", other.client_id)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = only(stage)
            if "has version 2" in found["problem"]:
                break
            time.sleep(1)
        assert "or another audience" in found["problem"] and other.client_id in found["problem"]
    finally:
        stage.sim.cluster.server_id = trusted
        real.trust()
        stage.write()
        token = stage.program("token").stdout.strip()
        # The server reads its settings again within a minute; other tests need it as it was.
        real.wait_for(lambda: real.ask("GET", "/api", token=token).status_code != 401)
