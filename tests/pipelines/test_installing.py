"""Installing in CI, for real: this checkout's wheel, everything else from the package index."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pipelines.github import GitHub
from pipelines.machine import EXAMPLES, ROOT, VERSION, example, nodes

LOCK = EXAMPLES / "install" / "requirements.txt"
SUBJECT = "repo:octo/shop:ref:refs/heads/main"
slow = [pytest.mark.slow, pytest.mark.timeout(300)]

WAYS = {
    "pip": """
        python3 -m venv "$HOME/kubeauth"
        "$HOME/kubeauth/bin/pip" install --quiet kubeauth==VERSION
        export PATH="$HOME/kubeauth/bin:$PATH"
    """,
    "require-hashes": """
        python3 -m venv "$HOME/kubeauth"
        "$HOME/kubeauth/bin/pip" install --quiet --require-hashes -r LOCK
        "$HOME/kubeauth/bin/pip" install --quiet --no-deps kubeauth==VERSION
        export PATH="$HOME/kubeauth/bin:$PATH"
    """,
    "wheelhouse": """
        python3 -m venv "$HOME/kubeauth"
        "$HOME/kubeauth/bin/pip" download --quiet --dest wheelhouse kubeauth==VERSION
        "$HOME/kubeauth/bin/pip" install --quiet --no-index --find-links wheelhouse \
            kubeauth==VERSION
        export PATH="$HOME/kubeauth/bin:$PATH"
    """,
    "pipx": """
        pipx install --quiet kubeauth==VERSION
        export PATH="$HOME/.local/bin:$PATH"
    """,
    "uv": """
        uv tool install --quiet kubeauth==VERSION
        export PATH="$HOME/.local/bin:$PATH"
    """,
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with the wheel, built from what git would give."""
    folder = tmp_path_factory.mktemp("wheels")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    source = folder / "source"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True, timeout=200)
    return folder


@pytest.fixture
def real(machine, wheels):
    """A machine whose python3 and pip are real, and whose index has this kubeauth, too."""
    for name in ("python3", "pip"):
        (machine.tools / name).unlink()
    os.symlink(Path(sys.executable).resolve(), machine.tools / "python3")
    for name in ("uv", "pipx"):
        if found := shutil.which(name):
            os.symlink(found, machine.tools / name)
    mine = {n: v for n, v in os.environ.items() if n.startswith(("PIP_", "UV_"))}
    places = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile)
    known = next((Path(file).read_bytes() for file in places if file and Path(file).exists()), b"")
    both = machine.folder / "ca.pem"
    both.write_bytes(known + b"\n" + machine.sim.ca_pem)
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
    machine.environ |= {**mine, **{name: str(both) for name in names}}
    machine.environ |= {"PIP_FIND_LINKS": str(wheels), "UV_FIND_LINKS": str(wheels)}
    return machine


@pytest.mark.parametrize("way", [pytest.param(way, marks=slow) for way in WAYS])
def test_a_way_to_install(real, way, sim):
    if way in ("pipx", "uv") and not (real.tools / way).exists():
        pytest.skip(f"no {way}")
    app = sim.tenant.add_application("installed")
    script = WAYS[way].replace("VERSION", VERSION).replace("LOCK", str(LOCK))
    flags = f"--authority-host {sim.authority} --disable-instance-discovery"
    ids = f"--server-id {sim.cluster.server_id} --tenant-id {sim.tenant.id}"
    environ = {"AZURE_CLIENT_ID": app.client_id, "AZURE_CLIENT_SECRET": app.secret}
    ran = real.shell(f"{script}\nkubeauth get-token -l spn {ids} {flags}", environ, limit=250)
    assert '"token"' in ran.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_workflow_with_the_real_pip(real, sim, trusting):
    issuer = sim.add_issuer("https://token.actions.githubusercontent.com")
    app = trusting(issuer, SUBJECT)
    values = {
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_TENANT_ID": sim.tenant.id,
        "AKS_KUBECONFIG": real.kubeconfig(),
    }
    runner = GitHub(real, issuer.github_actions(SUBJECT), values)
    assert nodes(runner.run(example("github/workload-identity.yml"), "deploy")) == [
        "node-0",
        "node-1",
    ]


def test_the_lock_file_has_what_is_needed():
    """Made by `uv pip compile --universal --generate-hashes` of pyproject.toml."""
    locked: dict[str, list[str]] = {}
    for line in LOCK.read_text().splitlines():
        if "==" in line:
            name, _, rest = line.partition("==")
            locked.setdefault(name, []).append(rest.split()[0])
    needs = [Requirement(text) for text in requires("kubeauth") or ()]
    for need in (each for each in needs if not (each.marker and "extra" in str(each.marker))):
        versions = locked.get(need.name.lower(), [])
        assert versions, f"{need.name} is missing: compile {LOCK.name} anew"
        assert all(need.specifier.contains(version) for version in versions), need
