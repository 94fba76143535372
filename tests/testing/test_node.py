"""Azure's libraries for Node sign in to the simulator."""

from __future__ import annotations

import os
import subprocess

import jwt
import pytest
from realserver.client import Missing
from realserver.clients import azure_for_node

pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.mark.parametrize("library", ["identity", "msal-node"])
def test_secret(sim, scope, library):
    try:
        command = azure_for_node()
    except Missing as missing:
        pytest.skip(str(missing))
    app = sim.tenant.add_application("ci")

    def ask(secret):
        words = [library, sim.authority, sim.tenant.id, app.client_id, secret, scope]
        environ = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(sim.ca_file)}
        return subprocess.run(
            [*command, *words], env=environ, capture_output=True, text=True, timeout=60
        )

    done = ask(app.secret)
    assert done.returncode == 0, done.stderr
    claims = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert claims["appid"] == app.client_id
    refused = ask("wrong")
    assert refused.returncode != 0 and "AADSTS7000215" in refused.stderr
