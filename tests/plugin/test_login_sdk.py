"""azure-identity's own ways: ``--login default``, ``azurepowershell`` and ``vscode``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from harness import install_program, is_wine

from kubeauth.testing import Application, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program, Ran

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


# azure-identity runs `cmd /c "pwsh … & exit"` on Windows.
needs_its_exit_code = pytest.mark.skipif(is_wine(), reason="Wine's cmd ends `… & exit` with 0")


@pytest.mark.parametrize(
    "login", [pytest.param("azurepowershell", marks=needs_its_exit_code), "vscode"]
)
def test_nobody_signed_in(program: Program, login: str) -> None:
    ran = program.get_token("-l", login, PATH="/nonexistent", limit=60)
    assert "Credential" in ran.error and ran.code == 8


def test_azure_powershell(program: Program, sim: Simulator, tmp_path: Path) -> None:
    token = sim.mint_token(sim.tenant.add_user("anna@contoso.example"))
    install_program(tmp_path, "pwsh", f"print('azsdk%{token}%4102444800')\n")
    path = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
    ran = program.get_token("-l", "azurepowershell", PATH=path)
    assert ran.status["token"] == token


TOKEN_OF_PWSH = "eyJ0eXAiOiJKV1QifQ.eyJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
ANSWER = f"azsdk%{TOKEN_OF_PWSH}%4102444800"


class TestPowerShell:
    """A stand-in prints what the real one may print around azure-identity's answer."""

    def run(self, program: Program, folder: Path, code: str, *flags: str) -> Ran:
        install_program(folder, "pwsh", f"import sys, time\n{code}\n")
        path = f"{folder}{os.pathsep}{program.environ['PATH']}"
        return program.get_token("-l", "azurepowershell", *flags, PATH=path)

    @pytest.mark.parametrize(
        "printed",
        [
            f"WARNING: update\\n\\n{ANSWER}\\nbye",
            f"\\x1b[33;1m{ANSWER}\\x1b[0m",
            f"\\xef\\xbb\\xbf{ANSWER}\\r\\n",
        ],
    )
    def test_the_answer_is_found(self, program: Program, tmp_path: Path, printed: str) -> None:
        ran = self.run(program, tmp_path, f"sys.stdout.buffer.write(b'{printed}')")
        assert ran.status["token"] == TOKEN_OF_PWSH

    @pytest.mark.parametrize(
        "code",
        [
            "print('hello')",
            "pass",
            f"print('azsdk%{TOKEN_OF_PWSH}')",
            f"print('azsdk%{TOKEN_OF_PWSH}%soon')",
            f"print('{ANSWER}%more')",
            "sys.stdout.buffer.write(bytes([255, 254, 128]))",
        ],
    )
    def test_an_answer_that_is_none(self, program: Program, tmp_path: Path, code: str) -> None:
        ran = self.run(program, tmp_path, code)
        assert ran.code == 8 and "the answer of `pwsh` could not be read" in ran.error
        assert TOKEN_OF_PWSH not in ran.stderr and "`pwsh -NoProfile" in ran.stderr

    @needs_its_exit_code
    def test_a_refusal_on_stderr(self, program: Program, tmp_path: Path) -> None:
        code = "sys.exit('\\x1b[31mGet-AzAccessToken: AADSTS50076: MFA is needed\\x1b[0m')"
        ran = self.run(program, tmp_path, code)
        assert ran.code == 4 and "AADSTS50076: MFA is needed" in ran.error
        assert "multi-factor authentication" in ran.stderr

    @needs_its_exit_code
    def test_another_failure_on_stderr(self, program: Program, tmp_path: Path) -> None:
        ran = self.run(
            program, tmp_path, "sys.exit('Import-Module: the file is locked')", "-v", "1"
        )
        assert ran.code == 8
        assert "error: Azure PowerShell: `pwsh` failed (Import-Module: the file is" in ran.stderr
        assert str(tmp_path) in ran.stderr and " took " in ran.stderr

    def test_no_answer_in_time(self, program: Program, tmp_path: Path) -> None:
        ran = self.run(program, tmp_path, "time.sleep(60)", "--timeout", "1s")
        assert "no answer in 1 s" in ran.error and "--timeout" in ran.stderr


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
