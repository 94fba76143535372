"""azure-identity's own ways: ``--login default``, ``azurepowershell`` and ``vscode``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from harness import install_program

from kubeauth.testing import Application, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

TOKEN = "/oauth2/v2.0/token"


@pytest.fixture
def environ(sim: Simulator, app: Application) -> dict[str, str]:
    return {
        "AZURE_TENANT_ID": sim.tenant.id,
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_CLIENT_SECRET": app.secret,
    }


def test_default_takes_the_first_link_that_works_and_names_it(
    program: Program, app: Application, environ: dict[str, str]
) -> None:
    ran = program.get_token("-l", "default", "-v", "1", **environ)
    said = jwt.decode(ran.status["token"], options={"verify_signature": False})
    assert said["appid"] == app.client_id
    assert "the token is from EnvironmentCredential" in ran.stderr
    assert app.secret not in ran.stderr and ran.status["token"] not in ran.stderr


def test_a_token_is_kept_for_the_same_surroundings_only(
    program: Program, sim: Simulator, environ: dict[str, str]
) -> None:
    for _ in range(2):
        assert program.get_token("-l", "default", **environ).status["token"]
    assert sim.requests.count(service="entra", path=TOKEN) == 1
    other = sim.tenant.add_application("other")
    changed = {"AZURE_CLIENT_ID": other.client_id, "AZURE_CLIENT_SECRET": other.secret}
    token = program.get_token("-l", "default", **{**environ, **changed}).status["token"]
    assert jwt.decode(token, options={"verify_signature": False})["appid"] == other.client_id


def test_a_refusal_is_told_as_everywhere(program: Program, environ: dict[str, str]) -> None:
    ran = program.get_token("-l", "default", **{**environ, "AZURE_CLIENT_SECRET": "not-it"})
    assert "AADSTS7000215" in ran.error and "not-it" not in ran.stderr


@pytest.mark.parametrize("login", ["azurepowershell", "vscode"])
def test_nobody_signed_in(program: Program, login: str) -> None:
    ran = program.get_token("-l", login, PATH="/nonexistent", limit=60)
    assert "Credential" in ran.error and ran.code == 8


def test_azure_powershell(program: Program, sim: Simulator, tmp_path: Path) -> None:
    token = sim.mint_token(sim.tenant.add_user("anna@contoso.example"))
    install_program(tmp_path, "pwsh", f"print('azsdk%{token}%4102444800')\n")
    path = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
    ran = program.get_token("-l", "azurepowershell", PATH=path)
    assert ran.status["token"] == token


def test_without_the_package_it_says_so(
    program: Program, tmp_path: Path, environ: dict[str, str]
) -> None:
    package = tmp_path / "azure"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError(__name__)")
    # The installed command takes nothing from PYTHONPATH.
    program.command = (sys.executable, "-m", "kubeauth_plugin")
    ran = program.get_token("-l", "default", PYTHONPATH=str(tmp_path), **environ)
    assert "azure-identity is not installed" in ran.error and "pip install" in ran.stderr


def test_is_a_line_of_json_like_any_other(program: Program, environ: dict[str, str]) -> None:
    assert json.loads(program.get_token("-l", "default", **environ).stdout)["kind"]
