"""The installed commands: one name each, for cmd, PowerShell, kubectl and Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BIN, KUBEAUTH, Program

pytestmark = pytest.mark.process


def test_there_is_one_file_for_each_name() -> None:
    names = sorted(file.name for file in BIN.iterdir() if "kubeauth" in file.name.lower())
    assert names == ["kubeauth.exe", "kubectl-kubeauth.exe", "kubectl_complete-kubeauth.exe"]


@pytest.mark.parametrize(
    "command",
    [
        [str(KUBEAUTH)],
        [str(BIN / "kubeauth")],
        ["kubeauth"],
        ["kubectl-kubeauth"],
        [str(BIN / "kubectl.exe"), "kubeauth"],
        [sys.executable, "-m", "kubeauth"],
        [sys.executable, "-m", "kubeauth_plugin"],
    ],
    ids=lambda command: " ".join(Path(word).name for word in command),
)
def test_each_way_to_run_it(program: Program, command: list[str]) -> None:
    done = subprocess.run(
        [*command, "--version"], env=program.environ, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0 and done.stdout.startswith("kubeauth "), done.stderr


@pytest.mark.parametrize("choice", ["auto", "bare", "absolute", "module"])
def test_kubectl_runs_what_is_written(desk, choice: str) -> None:
    desk.convert("--command", choice)
    first = desk.kubectl("get", "nodes")
    assert first.code == 0, first.stderr
    desk.sim.requests.clear()
    assert desk.kubectl("get", "nodes", "-o", "name").stdout.split() == [
        "node/node-0",
        "node/node-1",
    ]
    assert desk.sign_ins == 0


def test_what_was_written_is_known_again(desk) -> None:
    """Each form counts as ours when the kubeconfig is converted anew."""
    for choice in ("module", "absolute", "bare", "auto"):
        desk.convert("--command", choice)
        ran = desk.program("convert-kubeconfig", "-l", "azurecli", "-o", "json", "--dry-run")
        assert json.loads(ran.stdout)[0]["from"].startswith("kubeauth"), choice


def test_another_users_programs_are_told_by_their_names(desk) -> None:
    text = desk.sim.kubeconfig("exec").replace(
        "command: kubelogin", r"command: C:\Program Files\kubelogin\kubelogin.EXE"
    )
    desk.config.write_text(text)
    ran = desk.program("convert-kubeconfig", "-l", "azurecli", "-o", "json")
    assert json.loads(ran.stdout)[0]["from"].startswith("kubelogin")
