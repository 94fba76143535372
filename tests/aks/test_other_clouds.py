"""Where Resource Manager is in other clouds, by the settings that decide the sign-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import BIN, Program, install_program, not_on_windows

APPLICATION = ("-l", "spn", "--tenant-id", "t", "--client-id", "c", "--client-secret", "x")
STACK = "https://login.stack.example/"


def manager(program: Program, *flags: str, **environ: str) -> str:
    """Return the address that a command would use."""
    ran = program("get-credentials", "-g", "g", "-n", "n", "--explain", *flags, **environ)
    assert ran.code == 0, ran.stderr
    return ran.stdout.splitlines()[-1].split()[2]


@pytest.mark.parametrize(
    ("flags", "address"),
    [
        ((), "https://management.azure.com"),
        (("-e", "AzureChinaCloud"), "https://management.chinacloudapi.cn"),
        (
            ("--authority-host", "https://login.microsoftonline.us"),
            "https://management.usgovcloudapi.net",
        ),
        (
            ("--authority-host", "https://login.partner.microsoftonline.cn/"),
            "https://management.chinacloudapi.cn",
        ),
        (
            ("--authority-host", STACK, "--resource-manager", "https://management.stack.example"),
            "https://management.stack.example",
        ),
    ],
)
def test_the_authority_decides(program: Program, flags: tuple[str, ...], address: str) -> None:
    assert manager(program, *APPLICATION, *flags) == address


def test_the_variable_of_workload_identity_decides(program: Program) -> None:
    flags = ("-l", "workloadidentity", "--tenant-id", "t", "--client-id", "c")
    found = manager(program, *flags, AZURE_AUTHORITY_HOST="https://login.microsoftonline.us/")
    assert found == "https://management.usgovcloudapi.net"


@pytest.mark.parametrize("named", ["-e", "--authority-host"])
def test_a_described_cloud(program: Program, tmp_path: Path, named: str) -> None:
    file = tmp_path / "cloud.json"
    endpoints = {
        "activeDirectoryEndpoint": STACK,
        "resourceManagerEndpoint": "https://management.stack.example/",
    }
    file.write_text(json.dumps(endpoints))
    value = "AzureStackCloud" if named == "-e" else STACK
    found = manager(program, *APPLICATION, named, value, AZURE_ENVIRONMENT_FILEPATH=str(file))
    assert found == "https://management.stack.example"


def test_an_unknown_authority_is_not_asked_at_azures_address(program: Program) -> None:
    ran = program("clusters", *APPLICATION, "--authority-host", STACK)
    assert ran.code == 2
    assert "no known cloud has the authority https://login.stack.example/" in ran.stderr
    assert "--resource-manager" in ran.stderr


@not_on_windows("programs of Unix")
class TestTheAzureClisCloud:
    @pytest.fixture
    def environ(self, program: Program) -> dict[str, str]:
        folder = program.home / ".azure"
        install_program(program.home / "programs", "az", "raise SystemExit(1)")
        account = {"id": "s", "name": "s", "tenantId": "t", "isDefault": True}
        folder.mkdir()
        profile = {"subscriptions": [{**account, "environmentName": "Stack"}]}
        (folder / "azureProfile.json").write_text(json.dumps(profile))
        return {"PATH": f"{BIN}:{program.home}/programs:/usr/bin:/bin"}

    def register(self, program: Program, manager: str) -> None:
        """Write what azure-cli 2.91.0 writes for `az cloud register`."""
        (program.home / ".azure/clouds.config").write_text(
            f"[Stack]\nendpoint_active_directory = {STACK}adfs\n"
            "endpoint_active_directory_resource_id = https://management.stack.example/guid\n"
            f"endpoint_resource_manager = {manager}\n"
        )

    def test_its_own_clouds_are_known(self, program: Program, environ: dict[str, str]) -> None:
        self.register(program, "https://management.local.stack.example")
        assert manager(program, **environ) == "https://management.local.stack.example"

    def test_an_address_without_tls_is_refused(
        self, program: Program, environ: dict[str, str]
    ) -> None:
        self.register(program, "http://management.local.stack.example")
        ran = program("clusters", **environ)
        assert ran.code == 2 and "az cloud show --name Stack" in ran.stderr
