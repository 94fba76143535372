"""What the programs that kubeauth starts find in their environment."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from harness import WINDOWS, Program, install_program, noting_environ, until

from kubeauth.adapters.child_environ import for_browser, for_tool
from kubeauth.testing import Simulator

OURS = (
    *("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD"),
    *("AAD_SERVICE_PRINCIPAL_CLIENT_SECRET", "AAD_USER_PRINCIPAL_PASSWORD"),
    *("AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD", "ARM_OIDC_TOKEN"),
    *("ARM_CLIENT_SECRET", "ARM_CLIENT_CERTIFICATE_PASSWORD"),
)
ENDPOINTS = (
    *("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ARM_OIDC_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"),
    *("IDENTITY_HEADER", "MSI_SECRET"),
)
CANARIES = {name: f"canary-{name}" for name in (*OURS, *ENDPOINTS)}


def test_a_browser_gets_no_credential_and_a_tool_none_of_ours() -> None:
    environ = {**CANARIES, "PATH": "/bin", "AZURE_TENANT_ID": "t", "PYTHONHOME": "/app"}
    assert for_browser(environ) == {"PATH": "/bin", "AZURE_TENANT_ID": "t"}
    assert set(for_tool(environ)) == {"PATH", "AZURE_TENANT_ID", *ENDPOINTS}


def written(file: Path) -> str:
    until(file.exists, 100)
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("login", ["azurecli", "azd"])
def test_a_tool(program: Program, tmp_path: Path, login: str) -> None:
    name, answer = {
        "azurecli": ("az", {"accessToken": "a.b.c", "expires_on": int(time.time()) + 3600}),
        "azd": ("azd", {"token": "a.b.c", "expiresOn": "2099-01-01T00:00:00Z"}),
    }[login]
    code = f"{noting_environ(tmp_path / 'seen')}print({json.dumps(answer)!r})\n"
    install_program(tmp_path, name, code)
    path = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
    # It would stop pip's launcher on Windows before it comes to us.
    home = {} if WINDOWS else {"PYTHONHOME": "/nowhere"}
    ran = program.get_token("-l", login, PATH=path, **home, **CANARIES)
    assert ran.status["token"] == "a.b.c"
    seen = written(tmp_path / "seen")
    assert not [name for name in OURS if f"canary-{name}" in seen]
    assert "PYTHONHOME" not in seen


def test_a_command_that_mints_a_token(program: Program, sim: Simulator, tmp_path: Path) -> None:
    code = f"{noting_environ(tmp_path / 'seen')}print('no token')\n"
    tool = install_program(tmp_path, "mint", code)
    words = ("-l", "workloadidentity", "-t", sim.tenant.id, "--client-id", "c")
    program.get_token(*words, "--assertion-source", f"command:{tool}", **CANARIES)
    seen = written(tmp_path / "seen")
    assert not [name for name in OURS if f"canary-{name}" in seen]


def test_a_browser(program: Program, sim: Simulator, tmp_path: Path) -> None:
    code = f"{noting_environ(tmp_path / 'seen')}raise SystemExit(3)\n"
    browser = install_program(tmp_path, "browser", code)
    info = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "spec": {"interactive": True},
    }
    program.get_token(
        *("-l", "interactive", "-t", sim.tenant.id, "--client-id", "c", "--person-timeout", "2"),
        *("--browser-command", str(browser)),
        KUBERNETES_EXEC_INFO=json.dumps(info),
        DISPLAY=":0",
        **CANARIES,
    )
    assert "canary" not in written(tmp_path / "seen")
