"""AD FS in place of Entra ID, as on Azure Stack Hub without a connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import approving

from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator, Tenant, User

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

PASSWORD = "pa55word-of-anna"
PERSON = {
    "KUBERNETES_EXEC_INFO": json.dumps(
        {
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1",
            "spec": {"interactive": True},
        }
    )
}


@pytest.fixture(scope="module")
def adfs(simulator: Simulator) -> Tenant:
    return simulator.add_tenant("adfs")


@pytest.fixture
def app(adfs: Tenant) -> Application:
    return adfs.add_application("ci")


@pytest.fixture
def anna(adfs: Tenant) -> User:
    return adfs.user("anna@ad.example") or adfs.add_user("anna@ad.example", PASSWORD)


@pytest.fixture(params=["in the host", "as the tenant", "in both", "in a description"])
def flags(request: pytest.FixtureRequest, sim: Simulator, tmp_path: Path) -> tuple[str, ...]:
    """The ways in which people write an AD FS."""
    below = f"{sim.authority}adfs"
    if request.param == "in a description":
        file = tmp_path / "stack.json"
        endpoints = {"activeDirectoryEndpoint": below, "resourceManagerEndpoint": sim.authority}
        file.write_text(json.dumps(endpoints))
        return "--environment", "AzureStackCloud", "--authority-host", ""
    return {
        "in the host": ("--authority-host", below),
        "as the tenant": ("--tenant-id", "adfs"),
        "in both": ("--authority-host", f"{below}/", "--tenant-id", "ADFS"),
    }[request.param]


@pytest.fixture
def program(program: Program, tmp_path: Path) -> Program:
    program.environ["AZURE_ENVIRONMENT_FILEPATH"] = str(tmp_path / "stack.json")
    return program


def paths(sim: Simulator) -> list[str]:
    return [f"{request.method} {request.path}" for request in sim.requests]


class TestSecret:
    def test_signs_in(
        self, program: Program, sim: Simulator, app: Application, flags: tuple[str, ...]
    ) -> None:
        named = ("--client-id", app.client_id, "--client-secret", app.secret)
        assert program.get_token("-l", "spn", *named, *flags).status["token"]
        assert paths(sim) == [
            "GET /adfs/.well-known/openid-configuration",
            "POST /adfs/oauth2/token",
        ]

    def test_refusals_are_explained(self, program: Program, app: Application, sim) -> None:
        named = ("--client-id", app.client_id, "--client-secret", "wr0ng-secret")
        ran = program.get_token("-l", "spn", *named, "--tenant-id", "adfs")
        assert ran.code == 4 and "MSIS9622" in ran.error and "AD FS/Admin" in ran.stderr
        assert "wr0ng" not in ran.stderr

    def test_every_spelling_is_the_same_identity(
        self, program: Program, sim: Simulator, app: Application
    ) -> None:
        named = ("-l", "spn", "--client-id", app.client_id, "--client-secret", app.secret)
        first = program.get_token(*named, "--tenant-id", "adfs").stdout
        below = f"{sim.authority}adfs"
        assert program.get_token(*named, "--authority-host", below).stdout == first
        assert sim.requests.count(grant_type="client_credentials") == 1


def test_a_certificate(
    program: Program, sim: Simulator, app: Application, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(app.new_certificate())
    named = ("--client-id", app.client_id, "--client-certificate", str(file))
    assert program.get_token("-l", "spn", *named, *flags).status["token"]


def test_a_federated_token(
    program: Program, sim: Simulator, app: Application, tmp_path: Path
) -> None:
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="s")
    file = tmp_path / "token"
    file.write_text(issuer.mint(subject="s"))
    named = ("--client-id", app.client_id, "--federated-token-file", str(file))
    ran = program.get_token("-l", "workloadidentity", *named, "--tenant-id", "adfs")
    assert ran.status["token"] and paths(sim)[-1] == "POST /adfs/oauth2/token"


class TestPeople:
    def test_a_device_code_and_its_renewal(
        self, program: Program, sim: Simulator, anna: User
    ) -> None:
        named = ("-l", "devicecode", "--client-id", AKS_CLIENT_ID, "--tenant-id", "adfs")
        with approving(sim, anna):
            assert program.get_token(*named, **PERSON).status["token"]
        assert "POST /adfs/oauth2/devicecode" in paths(sim)
        sim.requests.clear()
        assert program.get_token(*named, "--force-refresh").status["token"]
        assert [request.grant_type for request in sim.requests] == ["", "refresh_token"]

    def test_a_browser(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        named = ("-l", "interactive", "--client-id", AKS_CLIENT_ID)
        browser = {"BROWSER": sim.browser_command(anna)}
        assert program.get_token(*named, *flags, **PERSON, **browser).status["token"]
        assert "GET /adfs/oauth2/authorize" in paths(sim)

    def test_a_password(self, program: Program, sim: Simulator, anna: User) -> None:
        named = ("-l", "ropc", "--client-id", AKS_CLIENT_ID, "--tenant-id", "adfs")
        person = ("--username", anna.upn, "--password", PASSWORD)
        assert program.get_token(*named, *person).status["token"]
        assert "POST /adfs/oauth2/token" in paths(sim)
