"""No program is ever taken from the current folder, which may be anybody's repository."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from harness import BIN, Program, install_program

from kubeauth.adapters.browsers import can_open_browser, open_browser
from kubeauth.adapters.programs import find_program, run_program
from kubeauth.testing import Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

pytestmark = pytest.mark.process

PLANTED = "print('planted')\n"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with programs of somebody else's, of every kind that Windows starts."""
    folder = tmp_path / "repository"
    for name in ("az", "azd", "kubectl", "kubeauth", "browser", "rundll32", "token"):
        install_program(folder, name, PLANTED)
        (folder / f"{name}.bat").write_text("@echo planted\n")
        (folder / f"{name}.exe").write_bytes(b"MZ planted")
    (folder / "bin").mkdir()
    install_program(folder / "bin", "az", PLANTED)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("entry", ["", ".", ".\\", "bin", "\\", "..", "C:", '"."', '""'])
def test_an_entry_that_is_relative_is_skipped(planted: Path, tmp_path: Path, entry: str) -> None:
    good = install_program(tmp_path / "good", "az", "pass\n")
    assert find_program("az", {"PATH": entry}) == ""
    path = os.pathsep.join([entry, str(good.parent)])
    assert find_program("az", {"PATH": path}).lower() == str(good).lower()


@pytest.mark.parametrize("quoted", [False, True])
def test_a_folder_with_a_blank(planted: Path, tmp_path: Path, quoted: bool) -> None:
    good = install_program(tmp_path / "Program Files", "az", "pass\n")
    entry = f'"{good.parent}"' if quoted else str(good.parent)
    assert find_program("az", {"PATH": entry, "PATHEXT": ""}).lower() == str(good).lower()


@pytest.mark.parametrize("tool", ["az", "azd"])
def test_a_tool_that_is_only_there_is_missing(program: Program, planted: Path, tool: str) -> None:
    ran = program.get_token("-l", "azurecli" if tool == "az" else tool)
    assert ran.code == 8 and f"`{tool}` is not on PATH" in ran.error


def test_the_one_on_path_is_taken(
    program: Program, planted: Path, sim: Simulator, tmp_path: Path
) -> None:
    anna = sim.tenant.add_user("anna@contoso.example", "her-password")
    (tmp_path / "Program Files").mkdir()
    good = install_azure_cli(tmp_path / "Program Files", sim, anna)
    sign_in(tmp_path / "azure", anna)
    program.environ["AZURE_CONFIG_DIR"] = str(tmp_path / "azure")
    program.environ["PATH"] = f"{good.parent};{program.environ['PATH']}"
    first = program.get_token("-l", "azurecli")
    assert first.status["token"]
    sim.requests.clear()
    assert program.get_token("-l", "azurecli").status == first.status
    assert sim.requests.count(service="entra") == 0


@pytest.mark.parametrize("login", ["default", "azurepowershell"])
def test_azure_identity_takes_none_either(program: Program, tmp_path: Path, login: str) -> None:
    """It starts shells and tools by their names. The planted ones are real programs here."""
    launcher = (BIN / "pytest.exe").read_bytes()
    start = launcher.rindex(b"#!", 0, launcher.index(b"PK\3\4"))
    folder = tmp_path / "repository"
    folder.mkdir()
    code = f"open({str(tmp_path / 'planted')!r}, 'a').write(__file__)\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", code)
    content = launcher[:start] + f"#!{sys.executable}\n".encode() + archive.getvalue()
    for name in ("cmd", "az", "azd", "powershell", "pwsh"):
        (folder / f"{name}.exe").write_bytes(content)
    subprocess.run([str(folder / "az.exe")], check=True, timeout=100)
    (tmp_path / "planted").unlink()
    program.environ["PATH"] = f".;{program.environ['PATH']}"
    done = subprocess.run(
        [*program.command, "get-token", *program.always, "-l", login],
        env=program.environ,
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=200,
    )
    assert done.returncode == 8, done.stderr
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("command", ["browser %s", "browser.exe", '"browser" %s', "browser.bat"])
def test_a_browser(planted: Path, command: str) -> None:
    assert not can_open_browser({"PATH": ""}, command)
    assert not can_open_browser({"PATH": ".", "BROWSER": command})
    assert open_browser("https://example", {"PATH": "."}, command) is None


def test_a_browser_whose_path_has_blanks(tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[0] + '.seen', 'w').write(sys.argv[1])\n"
    browser = install_program(tmp_path / "a b", "browser", code)
    process = open_browser("https://example/?a=b", dict(os.environ), f'"{browser}" %s')
    assert isinstance(process, subprocess.Popen) and process.wait(100) == 0
    assert browser.with_name("browser.py.seen").read_text() == "https://example/?a=b"


def test_windows_own_way_to_a_browser() -> None:
    assert can_open_browser(dict(os.environ))
    found = find_program("rundll32.exe", dict(os.environ))
    assert found.lower().endswith("\\system32\\rundll32.exe")


def test_the_command_of_an_assertion(program: Program, sim: Simulator, planted: Path) -> None:
    ids = ("--tenant-id", sim.tenant.id, "--client-id", "00000000-0000-0000-0000-00000000000a")
    source = ("--assertion-source", "command:token now")
    ran = program.get_token("-l", "workloadidentity", *ids, *source)
    assert ran.code == 8 and "planted" not in ran.stderr and "cannot be run" in ran.error


def test_a_backslash_in_a_command_is_part_of_the_path(
    program: Program, sim: Simulator, tmp_path: Path
) -> None:
    """The command runs, and Entra ID refuses what it prints."""
    tool = install_program(tmp_path / "tools", "token", "print('a.b.c')\n")
    ids = ("--tenant-id", sim.tenant.id, "--client-id", "00000000-0000-0000-0000-00000000000a")
    ran = program.get_token("-l", "workloadidentity", *ids, "--assertion-source", f"command:{tool}")
    assert ran.code != 8, ran.stderr


def test_a_batch_file_does_not_look_there_either(planted: Path) -> None:
    code = "import os; print(os.environ['NoDefaultCurrentDirectoryInExePath'])"
    done = run_program([sys.executable, "-c", code], environ=dict(os.environ), limit=100)
    assert done.stdout.strip() == "1"
