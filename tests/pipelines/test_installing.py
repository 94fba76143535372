"""Installing in CI, for real: this checkout's release, everything else from the package index."""

from __future__ import annotations

from importlib.metadata import requires

import pytest
import yaml
from packaging.requirements import Requirement
from pipelines.github import GitHub
from pipelines.machine import EXAMPLES, VERSION, JobFailed, example, nodes

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
        "$HOME/kubeauth/bin/pip" install --quiet --require-hashes \
            -r RELEASE/kubeauth-VERSION-requirements.txt
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
    "uvx": """
        kubeauth() { uvx --quiet kubeauth==VERSION "$@"; }
    """,
    "single-file": """
        install -D RELEASE/kubeauth-VERSION.pyz "$HOME/bin/kubeauth"
        export PATH="$HOME/bin:$PATH"
    """,
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("run", ["uvx", "pipx run"])
def test_what_is_not_there_to_stay_is_not_written_down(real, run, sim):
    """It is in a cache, and on PATH for as long as it runs."""
    config = real.folder / "config"
    config.write_text(real.kubeconfig())
    convert = f"{run} kubeauth=={VERSION} convert-kubeconfig -l azurecli --kubeconfig {config}"
    with pytest.raises(JobFailed, match="uv tool install kubeauth"):
        real.shell(convert, limit=250)
    assert config.read_text() == real.kubeconfig()
    real.shell(f"{convert} --command bare", limit=250)
    (user,) = yaml.safe_load(config.read_text())["users"]
    assert user["user"]["exec"]["command"] == "kubeauth"


@pytest.mark.parametrize("way", [pytest.param(way, marks=slow) for way in WAYS])
def test_a_way_to_install(real, way, sim, release):
    app = sim.tenant.add_application("installed")
    script = WAYS[way].replace("VERSION", VERSION).replace("RELEASE", str(release))
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
