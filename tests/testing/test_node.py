"""Azure's libraries for Node sign in to the simulator."""

from __future__ import annotations

import json
import os
import subprocess

import jwt
import pytest
from harness import approving
from realserver.client import Missing
from realserver.clients import azure_for_node

# One worker installs what all of them need.
pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.xdist_group("node")]
SUBJECT = "system:serviceaccount:ci:deployer"
each_library = pytest.mark.parametrize("library", ["identity", "msal-node"])


@pytest.fixture
def sign_in(sim, scope):
    """Run the program; return what it said, and the claims of its token if it has one."""
    try:
        command = azure_for_node()
    except Missing as missing:
        pytest.skip(str(missing))

    def run(library, way, client_id, **more):
        given = {"authority": sim.authority, "tenantId": sim.tenant.id, "scope": scope}
        given |= {"clientId": client_id, **more}
        done = subprocess.run(
            [*command, library, way, json.dumps(given)],
            env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(sim.ca_file)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            return done.stderr, {}
        return done.stderr, jwt.decode(done.stdout.strip(), options={"verify_signature": False})

    return run


@each_library
def test_secret(sim, sign_in, library):
    app = sim.tenant.add_application("ci")
    said, claims = sign_in(library, "secret", app.client_id, secret=app.secret)
    assert claims and claims["appid"] == app.client_id, said
    said, claims = sign_in(library, "secret", app.client_id, secret="wrong")
    assert claims == {} and "AADSTS7000215" in said


@each_library
def test_certificate(sim, sign_in, library, tmp_path):
    app = sim.tenant.add_application("ci")
    file = tmp_path / "certificate.pem"
    file.write_bytes(app.new_certificate())
    said, claims = sign_in(library, "certificate", app.client_id, file=str(file))
    assert claims and claims["appidacr"] == "2", said
    file.write_bytes(sim.tenant.add_application("other").new_certificate())
    said, claims = sign_in(library, "certificate", app.client_id, file=str(file))
    assert claims == {} and "AADSTS700027" in said


@each_library
def test_federated_token(sim, sign_in, library, tmp_path):
    app, issuer = sim.tenant.add_application("pod"), sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
    file = tmp_path / "token"
    file.write_text(issuer.mint(subject=SUBJECT))
    said, claims = sign_in(library, "federated token", app.client_id, file=str(file))
    assert claims and claims["oid"] == app.object_id, said
    file.write_text(issuer.mint(subject="system:serviceaccount:ci:another"))
    said, claims = sign_in(library, "federated token", app.client_id, file=str(file))
    assert claims == {} and "AADSTS70021" in said


@each_library
def test_device_code(sim, sign_in, library):
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example", groups=["ops"])
    with approving(sim, user):
        said, claims = sign_in(library, "device code", app.client_id)
    assert claims and (claims["upn"], claims["groups"]) == (user.upn, ["ops"]), said
