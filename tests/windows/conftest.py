"""Tests of what differs on Windows: `python3 dev.py windows`, or `pytest -m windows` there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness import BIN, Program, Ran

from kubeauth.testing import Application, Simulator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.windows)
            item.add_marker(pytest.mark.process)
            # Programs take seconds to start under Wine on a busy machine.
            item.add_marker(pytest.mark.timeout(300))
            if os.name != "nt":
                item.add_marker(pytest.mark.skip(reason="Windows only: `python3 dev.py windows`"))


class Desk:
    """A person's machine: a home with a kubeconfig, kubeauth and kubectl.exe."""

    def __init__(self, sim: Simulator, program: Program, app: Application) -> None:
        self.sim, self.program, self.app = sim, program, app
        self.config = program.home / "kubeconfig"
        program.environ["KUBECONFIG"] = str(self.config)
        program.environ["AZURE_CLIENT_SECRET"] = app.secret

    def convert(self, *words: str) -> Ran:
        """Convert the kubeconfig that `az aks get-credentials` would write."""
        self.config.write_text(self.sim.kubeconfig("exec"), encoding="utf-8")
        where = ("--authority-host", self.sim.authority, "--disable-instance-discovery")
        ran = self.program(
            *("convert-kubeconfig", "-l", "spn", "--client-id", self.app.client_id),
            *(*where, *words),
        )
        assert ran.code == 0, ran.stderr
        return ran

    def kubectl(self, *words: str, **options: Any) -> Ran:
        """Run kubectl.exe."""
        done = subprocess.run(
            [str(BIN / "kubectl.exe"), *words],
            env=self.program.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=100,
            **options,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @property
    def sign_ins(self) -> int:
        """How often Entra ID gave a token."""
        return self.sim.requests.count(path="/oauth2/v2.0/token")


@pytest.fixture
def desk(sim: Simulator, program: Program, app: Application) -> Desk:
    return Desk(sim, program, app)
