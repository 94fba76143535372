"""Merged files have the bytes that the real Azure CLI writes, but for the converted user."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from aks.kubeconfigs import FETCHED, KUBECONFIGS
from pipelines.azure import real_az

from kubeauth.testing.apiserver.kubeconfig import kubeconfig
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

# Runs the Azure CLI's own merge, many times in one process: [[file, fetched, replace, context] …].
_MERGE = """\
import json, sys
from azure.cli.command_modules.acs.custom import merge_kubernetes_configurations
for file, fetched, replace, context in json.load(sys.stdin):
    merge_kubernetes_configurations(file, fetched, replace, context)
"""


@pytest.fixture
def fetched(sim):
    """The text that Resource Manager sends."""
    return kubeconfig(
        style="exec",
        context="prod",
        user="clusterUser_shop_prod",
        server=sim.cluster.server,
        ca_pem=sim.cluster.ca_pem,
        server_id=sim.cluster.server_id,
        client_id="80faf920-1908-4b52-b5ef-a8e7bedfc67a",
        tenant_id=sim.tenant.id,
    )


@pytest.fixture
def get_credentials(program, sim, arm, tmp_path):
    """Fetch as the Azure CLI's account, which needs no flags in the kubeconfig."""
    arm.add_cluster("shop", "prod")
    anna = sim.tenant.add_user("anna@contoso.example", "her-password")
    install_azure_cli(tmp_path, sim, anna)
    sign_in(program.home / ".azure", anna)
    program.environ["PATH"] = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
    named = ("-g", "shop", "-n", "prod", "-l", "azurecli", "--resource-manager", arm.url)
    return lambda *args: program("get-credentials", *named, *args)


@pytest.fixture
def az_merge(tmp_path):
    python = real_az() / "python"

    def merge(work):
        environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [str(python), "-c", _MERGE],
            input=json.dumps(work),
            capture_output=True,
            text=True,
            env=environ,
        )
        assert done.returncode == 0, done.stderr

    return merge


def test_there_are_forty():
    assert len(KUBECONFIGS) >= 40
    for text in KUBECONFIGS.values():
        yaml.safe_load(text)


@pytest.mark.slow
@pytest.mark.parametrize("context", [None, "another"])
def test_the_bytes_are_the_azure_clis(
    get_credentials, program, az_merge, fetched, tmp_path, context
):
    addition = tmp_path / "fetched"
    addition.write_text(fetched)
    work, pairs = [], {}
    for number, (name, text) in enumerate(KUBECONFIGS.items()):
        files = [tmp_path / f"{who}-{number}" for who in ("az", "ours")]
        for file in files:
            file.write_bytes(text.replace(FETCHED, fetched).encode())
            file.chmod(0o600)
        pairs[name] = files
        work.append([str(files[0]), str(addition), False, context])
    az_merge(work)
    named = ("--context", context or "prod")
    different = []
    for name, (theirs, ours) in pairs.items():
        ran = get_credentials("-f", str(ours), *(named if context else ()))
        assert ran.code == 0, (name, ran.stderr)
        convert = ("convert-kubeconfig", "--kubeconfig", str(theirs), "-l", "azurecli")
        assert program(*convert, *named).code == 0, name
        if ours.read_bytes() != theirs.read_bytes():
            different.append(name)
    assert different == []


@pytest.mark.slow
def test_what_is_replaced_is_too(get_credentials, program, az_merge, fetched, tmp_path):
    """Other entries of the same names, with --overwrite-existing."""
    addition, theirs, ours = (tmp_path / name for name in ("fetched", "theirs", "ours"))
    addition.write_text(fetched)
    old = fetched.replace("https://localhost", "https://elsewhere").replace("devicecode", "msi")
    others = yaml.safe_load(KUBECONFIGS["many"])
    mixed = yaml.safe_load(old)
    for section in ("clusters", "contexts", "users"):
        mixed[section] = [*others[section][:3], *mixed[section], *others[section][3:]]
    for file in (theirs, ours):
        file.write_text(yaml.safe_dump(mixed))
        file.chmod(0o600)
    az_merge([[str(theirs), str(addition), True, None]])
    assert get_credentials("-f", str(ours), "--overwrite-existing").code == 0
    convert = ("convert-kubeconfig", "--kubeconfig", str(theirs), "-l", "azurecli")
    assert program(*convert, "--context", "prod").code == 0
    assert ours.read_bytes() == theirs.read_bytes()
