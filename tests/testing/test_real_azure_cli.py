"""The real Azure CLI signs in to the simulator as scripts do, and fetches a cluster."""

from __future__ import annotations

import json
import os
import subprocess

import jwt
import pytest
import yaml
from harness import approving
from pipelines.azure import real_az

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(600)]

SUBJECT = "repo:contoso/shop:ref:refs/heads/main"


@pytest.fixture
def az(sim, tmp_path):
    """Run the real `az` in the simulator's cloud."""
    program = real_az()
    environ = {
        **sim.environ(),
        # The program is a script for /bin/sh that starts the Python on PATH.
        "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
    }

    def run(*words, fails=False):
        done = subprocess.run(
            [str(program / "az"), *words],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    settings = ("core.instance_discovery=false", "core.collect_telemetry=false")
    run("config", "set", "core.login_experience_v2=off", *settings)
    manager = sim.resource_manager.url
    run("cloud", "register", "-n", "simulated", "--endpoint-resource-manager", manager)
    run("cloud", "set", "-n", "simulated")
    return run


def token_of(az, sim):
    """Return the claims of the token for the cluster that `az` gives."""
    said = az("account", "get-access-token", "--resource", sim.cluster.server_id, "-o", "json")
    return jwt.decode(json.loads(said)["accessToken"], options={"verify_signature": False})


@pytest.mark.parametrize("way", ["secret", "certificate", "federated token"])
def test_an_application(az, sim, tmp_path, way):
    app = sim.tenant.add_application("ci")
    named = ("--username", app.client_id, "--tenant", sim.tenant.id)
    if way == "secret":
        words = ("--password", app.secret)
    elif way == "certificate":
        file = tmp_path / "certificate.pem"
        file.write_bytes(app.new_certificate())
        words = ("--certificate", str(file))
    else:
        issuer = sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        words = ("--federated-token", issuer.mint(subject=SUBJECT))
    az("login", "--service-principal", *named, *words)
    claims = token_of(az, sim)
    assert (claims["appid"], claims["aud"]) == (app.client_id, sim.cluster.server_id)


def test_a_wrong_secret(az, sim):
    app = sim.tenant.add_application("ci")
    named = ("--username", app.client_id, "--tenant", sim.tenant.id)
    said = az("login", "--service-principal", *named, "--password", "wrong", fails=True)
    assert "AADSTS7000215" in said


def test_a_person_with_a_code_fetches_a_cluster(az, sim, tmp_path):
    anna = sim.tenant.add_user("anna@contoso.example", "her-password")
    sim.resource_manager.add_cluster("shop", "prod")
    with approving(sim, anna):
        az("login", "--use-device-code", "--tenant", sim.tenant.id)
    assert token_of(az, sim)["upn"] == anna.upn
    file = tmp_path / "config"
    az(
        "aks",
        "get-credentials",
        "-g",
        "shop",
        "-n",
        "prod",
        "--file",
        str(file),
        "--format",
        "exec",
    )
    (user,) = yaml.safe_load(file.read_text())["users"]
    assert user["user"]["exec"]["command"] == "kubelogin"
    assert sim.cluster.server_id in user["user"]["exec"]["args"]
