"""``get-token --explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from setups import write_kubeconfig

from kubeauth.testing import Application, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program


def rows(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split(maxsplit=2)[1:] for line in text.splitlines()}


def test_each_value_has_its_origin(
    program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
) -> None:
    ran = program.get_token(*spn, "--explain", AZURE_TENANT_ID="other.example")
    assert ran.code == 0 and len(sim.requests) == 0
    told = rows(ran.stdout)
    assert told["login"] == ["spn", "--login"]
    assert told["client-id"] == [app.client_id, "--client-id"]
    assert told["tenant-id"] == ["other.example", "AZURE_TENANT_ID"]
    assert told["(authority)"] == [sim.authority, "--authority-host"]
    assert told["(certificates)"] == [str(sim.ca_file), "REQUESTS_CA_BUNDLE"]


def test_shows_no_secret(program: Program, spn: tuple[str, ...], app: Application) -> None:
    ran = program.get_token(
        *(*spn, "--explain", "--password", "s3cr3t-1"),
        *("--assertion-source", "command:mint --key s3cr3t-2"),
        AZURE_CLIENT_SECRET="s3cr3t-3",
        AZURE_CLIENT_CERTIFICATE_PASSWORD="s3cr3t-4",
    )
    assert rows(ran.stdout)["client-secret"] == ["(hidden)", "AZURE_CLIENT_SECRET"]
    assert "s3cr3t" not in ran.stdout + ran.stderr and app.secret not in ran.stdout


def test_what_is_missing_does_not_matter(program: Program) -> None:
    ran = program("get-token", "--explain")
    assert ran.code == 0
    assert rows(ran.stdout)["login"] == ["devicecode", "default"]


@pytest.mark.parametrize(
    ("flags", "name", "why"),
    [
        (("-l", "devicecode", "--client-id", "x"), "AZURE_CLIENT_ID", "--client-id counts"),
        (("-l", "spn"), "AZURE_FEDERATED_TOKEN_FILE", "login spn does not read it"),
        (("-l", "spn", "--disable-environment-override"), "AZURE_CLIENT_ID", "--disable-env"),
        (("-l", "spn", "--use-azurerm-env-vars"), "AZURE_CLIENT_ID", "is given"),
        (("-l", "spn"), "ARM_CLIENT_ID", "is not given"),
        (("-l", "spn"), "ARM_USE_OIDC", "is not given"),
        (("-l", "spn", "--use-azurerm-env-vars"), "ARM_USE_OIDC", "--login counts instead"),
        (("-l", "spn", "--disable-environment-override"), "AAD_LOGIN_METHOD", "--disable-env"),
        (("-l", "spn"), "AAD_SERVICE_PRINCIPAL_CLIENT_ID", ""),
    ],
)
def test_a_variable_that_does_not_count_is_told(
    program: Program, flags: tuple[str, ...], name: str, why: str
) -> None:
    more = {"AZURE_CLIENT_ID": "newer"} if name.startswith("AAD") else {}
    ran = program.get_token(*flags, "--explain", **{name: "value"}, **more)
    line = next(line for line in ran.stdout.splitlines() if line.startswith(f"{name} is set"))
    assert why in line


def test_the_source_of_a_federated_token_is_told(program: Program) -> None:
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s3cr3t"}
    ran = program.get_token("-l", "workloadidentity", "--explain", **job)
    assert "GitHub Actions" in ran.stdout and "s3cr3t" not in ran.stdout
    ran = program.get_token("-l", "workloadidentity", "--explain", "--federated-token-file", "/t")
    assert "federated-token-file /t" in ran.stdout


def test_the_limits_that_nobody_has_set(program: Program) -> None:
    told = rows(program.get_token("-l", "devicecode", "--read-timeout", "5", "--explain").stdout)
    assert told["timeout"] == ["60s", "default"] and told["connect-timeout"] == ["10s", "default"]
    assert told["read-timeout"] == ["5s", "--read-timeout"]
    assert told["person-timeout"] == ["900s", "default"]
    assert "person-timeout" not in rows(program.get_token("-l", "spn", "--explain").stdout)


def test_the_endpoint_of_a_managed_identity(program: Program, sim: Simulator) -> None:
    told = program.get_token("-l", "msi", "--explain", **sim.hosts.app_service.environ)
    assert rows(told.stdout)["(endpoint)"] == [
        sim.hosts.app_service.environ["IDENTITY_ENDPOINT"],
        "App Service",
    ]
    assert sim.hosts.app_service.secret not in told.stdout


def test_a_value_that_cannot_be_read_is_an_error(program: Program) -> None:
    assert "soon" in program.get_token("--explain", AZURE_CLI_TIMEOUT="soon").error


@pytest.mark.parametrize(
    "command", ["get-token", "whoami", "token", "login", "token-file --output never-written"]
)
def test_a_contexts_sign_in_is_explained(
    program: Program, sim: Simulator, spn: tuple[str, ...], command: str
) -> None:
    write_kubeconfig(program, sim, spn)
    ran = program(
        *command.split(), "--explain", "--context", "prod", "--tenant-id", "typed.example"
    )
    assert ran.code == 0 and len(sim.requests) == 0
    told = rows(ran.stdout)
    assert told["client-id"][1] == "--client-id in the kubeconfig"
    assert told["tenant-id"] == ["typed.example", "--tenant-id"]
    assert spn[-1] not in ran.stdout


def test_get_token_signs_in_for_no_context(program: Program, spn: tuple[str, ...]) -> None:
    ran = program.get_token(*spn, "--context", "prod")
    assert ran.code == 2 and not ran.stdout
    assert "`kubeauth token` prints the token of a context" in ran.stderr
