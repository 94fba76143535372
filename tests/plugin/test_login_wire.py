"""Request by request, kubeauth asks for tokens as azure-identity does with the same credential."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.identity
import pytest
from harness import approving, not_on_windows

from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator, User

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

DISCOVERY = "/.well-known/openid-configuration"
INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
# Made anew for every sign-in.
FRESH = {"nonce", "state", "code_challenge", "redirect_uri"}


@pytest.fixture(autouse=True)
def trusted(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    for name, value in sim.environ().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def anna(sim: Simulator) -> User:
    return sim.tenant.add_user("anna@contoso.example", "her-password")


def sent(sim: Simulator) -> list[tuple[Any, ...]]:
    """Return the requests since the last call that got an answer.

    Without discovery, and without polls for a code that was not used yet.
    """
    wire = [
        (
            record.method,
            record.path,
            {
                name: value
                for name, value in record.form.items()
                if name.removeprefix("q.") not in FRESH
            },
            {name: value for name, value in record.query.items() if name not in FRESH},
            {name: record.headers.get(name) for name in ("content-type", "metadata")},
        )
        for record in sim.requests
        if record.status == 200 and not record.path.endswith(DISCOVERY)
    ]
    sim.requests.clear()
    return wire


@pytest.fixture
def same(
    program: Program, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[tuple[Any, ...]]]:
    """Sign in with azure-identity and with the program, and compare."""

    def compare(credential: Any, *flags: str, **environ: str) -> list[tuple[Any, ...]]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        credential.get_token(f"{sim.cluster.server_id}/.default")
        theirs = sent(sim)
        program.get_token(*flags, **environ).status["token"]
        ours = sent(sim)
        assert ours == theirs
        return ours

    return compare


@pytest.fixture
def common(sim: Simulator) -> dict[str, Any]:
    return {
        "authority": sim.authority,
        "tenant_id": sim.tenant.id,
        "disable_instance_discovery": True,
    }


def test_a_secret(same, common, app: Application, spn: tuple[str, ...]) -> None:
    credential = azure.identity.ClientSecretCredential(
        client_id=app.client_id, client_secret=app.secret, **common
    )
    assert len(same(credential, *spn)) == 1


def test_a_certificate(same, common, app: Application, spn, tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(app.new_certificate())
    credential = azure.identity.CertificateCredential(
        client_id=app.client_id, certificate_path=str(file), **common
    )
    assert len(same(credential, *spn[:-2], "--client-certificate", str(file))) == 1


def test_a_managed_identity(same, sim: Simulator) -> None:
    identity = sim.add_managed_identity()
    credential = azure.identity.ManagedIdentityCredential(client_id=identity.client_id)
    assert len(same(credential, "-l", "msi", "--client-id", identity.client_id)) == 1


# Python's webbrowser, which azure-identity uses, does not wait for what it starts.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@not_on_windows("azure-identity opens no browser of a variable there")
def test_a_person_in_the_browser(same, common, sim: Simulator, anna: User) -> None:
    credential = azure.identity.InteractiveBrowserCredential(client_id=AKS_CLIENT_ID, **common)
    asked = same(
        credential,
        *("-l", "interactive", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID),
        BROWSER=sim.browser_command(anna),
        KUBERNETES_EXEC_INFO=json.dumps({**INFO, "spec": {"interactive": True}}),
    )
    assert len(asked) == 3


def test_a_federated_token(same, common, sim: Simulator, app: Application, tmp_path: Path) -> None:
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="s")
    file = tmp_path / "token"
    file.write_text(issuer.mint(subject="s"))
    credential = azure.identity.WorkloadIdentityCredential(
        client_id=app.client_id, token_file_path=str(file), **common
    )
    named = ("-l", "workloadidentity", "-t", sim.tenant.id, "--client-id", app.client_id)
    assert len(same(credential, *named, "--federated-token-file", str(file))) == 1


def test_a_service_connection(same, common, sim: Simulator, app: Application) -> None:
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="s")
    job = issuer.azure_pipelines("s")
    credential = azure.identity.AzurePipelinesCredential(
        client_id=app.client_id,
        service_connection_id="connection",
        system_access_token=job["SYSTEM_ACCESSTOKEN"],
        **common,
    )
    named = ("-l", "azurepipelines", "-t", sim.tenant.id, "--client-id", app.client_id)
    connection = ("--azure-pipelines-service-connection-id", "connection")
    assert len(same(credential, *named, *connection, **job)) == 2


def test_a_device_code(same, common, sim: Simulator, anna: User) -> None:
    credential = azure.identity.DeviceCodeCredential(
        client_id=AKS_CLIENT_ID, prompt_callback=lambda *_: None, **common
    )
    with approving(sim, anna):
        asked = same(
            credential,
            *("-l", "devicecode", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID),
            KUBERNETES_EXEC_INFO=json.dumps({**INFO, "spec": {"interactive": True}}),
        )
    assert len(asked) == 2


def test_a_pod_asks_once(
    program: Program, sim: Simulator, app: Application, tmp_path: Path
) -> None:
    """Where its authority is that of the webhook's variable, there is nothing to discover."""
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="s")
    file = tmp_path / "token"
    file.write_text(issuer.mint(subject="s"))
    pod = {
        "AZURE_AUTHORITY_HOST": sim.authority,
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_TENANT_ID": sim.tenant.id,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
    }
    server = ("--server-id", sim.cluster.server_id)
    assert program("get-token", "-l", "workloadidentity", *server, **pod).status["token"]
    assert [record.path for record in sim.requests] == [f"/{sim.tenant.id}/oauth2/v2.0/token"]
