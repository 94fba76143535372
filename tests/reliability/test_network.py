"""Network fault x login: one error and hint in bounded time, and the next call is fine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from harness import Program, approving, install_program
from reliability.cells import Outcome, everyday, run

from kubeauth.testing import AKS_CLIENT_ID, Fault, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

pytestmark = pytest.mark.process

INFO = {
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "spec": {"interactive": True},
}
SUBJECT = "system:serviceaccount:shop:api"
LIMITS = ("--timeout", "5s", "--read-timeout", "2s", "--person-timeout", "8s")
FAULTS: dict[str, dict[str, Any]] = {
    "connections are reset": {"reset": True},
    "no answer comes": {"hang": 60.0},
    "each answer takes a second": {"latency": 1.0},
    "HTTP 500": {"status": 500},
    "HTTP 503, once": {"status": 503, "times": 1},
    "HTTP 429": {"status": 429, "headers": {"Retry-After": "1"}},
    "a page instead of JSON": {"status": 200, "body": b"<html>sign in to the network</html>"},
    "an empty answer": {"status": 200, "body": b""},
    "JSON that is no token": {"status": 200, "body": b"[]"},
    "an answer of 3 MiB": {"status": 200, "body": b" " * (3 << 20)},
}
EVERYDAY_FAULTS = ("HTTP 500", "HTTP 503, once", "a page instead of JSON")
LOGINS = (
    *("spn", "ropc", "workloadidentity", "azurepipelines", "msi", "devicecode", "interactive"),
    *("azurecli", "azd"),
)
# The tools ask Entra ID in their own way; these answer as it does.
TOOLS = ("azurecli", "azd")
# The Azure Developer CLI, on top of the stand-in for the Azure CLI.
AZD = """
import datetime, json, subprocess, sys
scope = sys.argv[sys.argv.index("--scope") + 1]
words = ["az", "account", "get-access-token", "--resource", scope.removesuffix("/.default")]
done = subprocess.run(words, capture_output=True, text=True)
if done.returncode:
    sys.exit("ERROR: fetching token: " + done.stderr.strip().splitlines()[-1])
found = json.loads(done.stdout)
until = datetime.datetime.fromtimestamp(found["expires_on"], datetime.timezone.utc)
print(json.dumps({"token": found["accessToken"], "expiresOn": f"{until:%Y-%m-%dT%H:%M:%SZ}"}))
"""
EVERYDAY_LOGINS = ("spn", "msi", "devicecode")


def prepared(
    program: Program, sim: Simulator, login: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Flags and variables of a login that would succeed."""
    app = sim.tenant.add_application("ci")
    anna = sim.tenant.user("anna@contoso.example") or sim.tenant.add_user(
        "anna@contoso.example", "pw"
    )
    if login in TOOLS:
        folder = program.home / "tools"
        folder.mkdir()
        install_azure_cli(folder, sim, anna)
        install_program(folder, "azd", AZD)
        sign_in(folder / "azure", anna)
        path = f"{folder}{os.pathsep}{program.environ['PATH']}"
        return ("-l", login), {"PATH": path, "AZURE_CONFIG_DIR": str(folder / "azure")}
    own = ("-l", login, "-t", sim.tenant.id, "--client-id", app.client_id)
    whom = ("-l", login, "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
    if login == "spn":
        return own, {"AZURE_CLIENT_SECRET": app.secret}
    if login == "ropc":
        return whom, {"AZURE_USERNAME": anna.upn, "AZURE_PASSWORD": "pw"}
    if login == "workloadidentity":
        token = issuer.mint(subject=SUBJECT)
        return (*own, "--assertion-source", "env:MY_JWT"), {"MY_JWT": token}
    if login == "azurepipelines":
        connection = ("--azure-pipelines-service-connection-id", "c")
        return (*own, *connection), issuer.azure_pipelines(SUBJECT)
    if login == "msi":
        return ("-l", "msi", "--client-id", sim.add_managed_identity(sim.tenant).client_id), {}
    return whom, {"BROWSER": sim.browser_command(anna)}


@pytest.mark.parametrize("login", everyday(LOGINS, EVERYDAY_LOGINS))
@pytest.mark.parametrize("fault", everyday(FAULTS, EVERYDAY_FAULTS))
def test_one_cell(
    program: Program, sim: Simulator, fault: str, login: str, judged: Callable[..., None]
) -> None:
    flags, environ = prepared(program, sim, login)
    environ["KUBERNETES_EXEC_INFO"] = json.dumps(INFO)
    words = ("get-token", *program.always, *flags, *LIMITS)
    # A person who does not come is another fault; here the servers fail, so they approve at once.
    anna = sim.tenant.user("anna@contoso.example")
    with approving(sim, anna) if login == "devicecode" and anna else nullcontext():
        for service in ("entra", "imds"):
            sim.faults.add(Fault(service=service, **{"times": None, **FAULTS[fault]}))
        outcome = quiet(run(program, *words, environ=environ), login)
        judged("network", fault, login, outcome)
        sim.faults.clear()
        assert run(program, *words, "--force-refresh", environ=environ).code == 0


def quiet(outcome: Outcome, login: str) -> Outcome:
    """Leave out what the person was shown before it failed."""
    if login not in ("devicecode", "interactive"):
        return outcome
    kept = ("error:", "hint:", "warning:")
    lines = [line for line in outcome.stderr.splitlines() if line.startswith(kept)]
    return Outcome(outcome.code, outcome.stdout, "\n".join(lines), outcome.seconds)
