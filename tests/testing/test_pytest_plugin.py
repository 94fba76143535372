"""The pytest fixtures that every project gets by installing kubeauth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

TESTS = """
from kubeauth import ServicePrincipal

seen = []


def test_a_pipeline(kubeauth_simulator, tmp_path):
    sim = kubeauth_simulator
    app = sim.tenant.add_application("pipeline")
    provider = ServicePrincipal(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        client_secret=app.secret,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        ca_file=str(sim.ca_file),
        cache_dir=str(tmp_path),
    )
    assert provider.get_token().token
    assert sim.requests.count(service="entra", path="/token") == 1
    seen.append(sim)


def test_the_next_one_finds_it_as_new(kubeauth_simulator, kubeauth_simulator_session):
    assert kubeauth_simulator is kubeauth_simulator_session is seen[0]
    assert kubeauth_simulator.requests.count(service="entra") == 0
"""


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_they_are_there_without_a_word(tmp_path):
    (tmp_path / "test_pipeline.py").write_text(TESTS)
    assert "2 passed" in run(tmp_path, "-W", "error")
    assert "kubeauth_simulator_session" in run(tmp_path, "--fixtures")


@pytest.mark.imports
def test_pytest_starts_no_slower_for_them():
    code = (
        "import pytest, sys; before = set(sys.modules); import kubeauth.testing.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    brought = {"kubeauth", "kubeauth.testing", "kubeauth.testing.pytest_plugin"}
    assert set(done.stdout.split()) <= brought
