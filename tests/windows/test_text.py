"""Any text on any stdout, and line ends as they were."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from harness import Program

pytestmark = pytest.mark.process

NAMES = ["прод", "生产", "prod🚀", "zażółć", "production"]


@pytest.fixture
def written(sim, tmp_path: Path):
    def write(name: str, line_end: str = "\n", mark: bytes = b"") -> Path:
        file = tmp_path / "config"
        text = sim.kubeconfig("exec", name).replace("\n", line_end)
        file.write_bytes(mark + text.encode())
        return file

    return write


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flags", [(), ("--diff",), ("-o", "json")], ids=["table", "diff", "json"])
def test_a_kubeconfig_in_any_script(program: Program, written, name: str, flags) -> None:
    file = written(name)
    ran = program("convert-kubeconfig", "-l", "azurecli", "--kubeconfig", str(file), *flags)
    assert ran.code == 0 and ran.stderr == ""
    assert name in file.read_text(encoding="utf-8") and "kubeauth" in file.read_text("utf-8")
    if "json" in flags:
        assert json.loads(ran.stdout)[0]["contexts"] == [name]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
def test_line_ends_and_the_mark_stay(program: Program, written, line_end: str, mark) -> None:
    file = written("prod", line_end, mark)
    assert program("convert-kubeconfig", "-l", "azurecli", "--kubeconfig", str(file)).code == 0
    after = file.read_bytes()
    assert after.startswith(mark) and after.count(b"\n") == after.count(line_end.encode())


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_difference_has_one_line_end_a_line(program: Program, written, line_end: str) -> None:
    command = ["convert-kubeconfig", "-l", "azurecli", "--diff", "--dry-run", "--kubeconfig"]
    done = subprocess.run(
        [*program.command, *command, str(written("prod", line_end))],
        env=program.environ,
        capture_output=True,
        timeout=100,
    )
    assert done.returncode == 0 and b"\r\r" not in done.stdout
    assert done.stdout.count(b"\r\n") == done.stdout.count(b"\n") > 10


def test_the_demo_in_a_pipe(program: Program) -> None:
    ran = program("demo", limit=120)
    assert ran.code == 0, ran.stderr
    assert "Everything is stopped" in ran.stdout


@pytest.mark.parametrize("form", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_secret_as_powershell_writes_it(program: Program, sim, app, tmp_path, form: str) -> None:
    file = tmp_path / "geheimnis ž.txt"
    file.write_bytes((app.secret + "\r\n").encode(form))
    ids = ("--tenant-id", sim.tenant.id, "--client-id", app.client_id)
    ran = program.get_token("-l", "spn", *ids, "--client-secret-file", str(file))
    assert ran.status["token"]
