"""A machine for jobs, applications that trust them, and a release of this checkout."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import BIN
from pipelines.machine import ROOT, Machine

from kubeauth.testing import Application, Issuer, Simulator

pytestmark = pytest.mark.e2e


@pytest.fixture
def machine(sim: Simulator, tmp_path: Path) -> Machine:
    return Machine(sim, tmp_path)


@pytest.fixture
def trusting(sim: Simulator) -> Callable[..., Application]:
    """An application without a secret of its own, that trusts an issuer's subject."""

    def add(issuer: Issuer, subject: str, **more: str) -> Application:
        app = sim.tenant.add_application("pipeline")
        app.secrets.clear()
        app.add_federated_credential(issuer=issuer.url, subject=subject, **more)
        return app

    return add


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout of what is here, committed or not."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    nobody = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*nobody, "commit", "-qm", "everything"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def release(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a release of the checkout."""
    out = tmp_path_factory.mktemp("release")
    command = [sys.executable, checkout / "scripts" / "release.py", "--out", out]
    subprocess.run(command, check=True, timeout=250)
    return out


@pytest.fixture
def real(machine: Machine, release: Path) -> Machine:
    """A machine whose python3, pip, uv and pipx are real, and whose index has the release, too."""
    for name in ("python3", "pip"):
        (machine.tools / name).unlink()
    os.symlink(Path(sys.executable).resolve(), machine.tools / "python3")
    for name in ("uv", "uvx", "pipx"):
        os.symlink(BIN / name, machine.tools / name)
    mine = {n: v for n, v in os.environ.items() if n.startswith(("PIP_", "UV_"))}
    places = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile)
    known = next((Path(file).read_bytes() for file in places if file and Path(file).exists()), b"")
    both = machine.folder / "ca.pem"
    both.write_bytes(known + b"\n" + machine.sim.ca_pem)
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
    machine.environ |= {**mine, **{name: str(both) for name in names}}
    machine.environ |= {"PIP_FIND_LINKS": str(release), "UV_FIND_LINKS": str(release)}
    return machine
