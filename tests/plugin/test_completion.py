"""Completion in the real shells, and through kubectl's."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from harness import BIN, Program, basic_environ

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminal")
pytestmark = pytest.mark.process

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: dana}}
- {name: production-eu, context: {cluster: c, user: dana}}
- {name: staging, context: {cluster: c, user: bob}}
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: dana, user: {}}, {name: bob, user: {}}]
"""
# What was typed, and what completing it offers.
CASES = [
    (("conv",), {"convert-kubeconfig"}),
    (("get-",), {"get-token", "get-credentials"}),
    (("get-token", "-l", "az"), {"azurecli", "azd", "azurepipelines", "azurepowershell"}),
    (("get-token", "--login", "work"), {"workloadidentity"}),
    (("get-token", "-e", "AzureC"), {"AzureChinaCloud"}),
    (("login", "--context", "prod"), {"prod", "production-eu"}),
    (("login", "--user", "d"), {"dana"}),
    (("convert-kubeconfig", "--context", "st"), {"staging"}),
    (("convert-kubeconfig", "--cluster", ""), {"c"}),
    (("completion", ""), {"bash", "zsh", "fish"}),
    (("cache", "l"), {"list"}),
    (("convert-kubeconfig", "--to", "kubel"), {"kubelogin"}),
    (("get-token", "--federated-tok"), {"--federated-token-file"}),
    (("nonsense", "x"), set()),
]


@pytest.fixture
def alone(tmp_path: Path) -> Program:
    """The program, with a kubeconfig."""
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(KUBECONFIG)
    return Program(tmp_path, basic_environ(tmp_path))


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


@pytest.mark.parametrize(("words", "offered"), CASES, ids=[" ".join(words) for words, _ in CASES])
def test_kubectl_completes(alone: Program, words: tuple[str, ...], offered: set[str]) -> None:
    """`kubectl kubeauth …` runs this program with the words, the last one unfinished."""
    done = subprocess.run(
        [BIN / "kubectl_complete-kubeauth", *words],
        env=alone.environ,
        capture_output=True,
        text=True,
    )
    *choices, directive = done.stdout.splitlines()
    assert {choice.split("\t")[0] for choice in choices} == offered
    assert (done.returncode, done.stderr, directive) == (0, "", ":4")


def test_kubectl_itself_completes(alone: Program) -> None:
    done = subprocess.run(
        ["kubectl", "__complete", "kubeauth", "convert-kubeconfig", "--context", "prod"],
        env=alone.environ,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[:-1] == ["prod", "production-eu"], done.stderr


def test_a_file_is_left_to_the_shell(alone: Program) -> None:
    done = subprocess.run(
        [BIN / "kubectl_complete-kubeauth", "get-token", "--client-certificate", "x"],
        env=alone.environ,
        capture_output=True,
        text=True,
    )
    assert done.stdout == ":0\n"


@pytest.mark.parametrize(("words", "offered"), CASES, ids=[" ".join(words) for words, _ in CASES])
def test_fish_completes(alone: Program, words: tuple[str, ...], offered: set[str]) -> None:
    line = " ".join(["kubeauth", *words])
    done = subprocess.run(
        [
            shell("fish"),
            "--no-config",
            "-c",
            f"kubeauth completion fish | source; complete -C '{line}'",
        ],
        env=alone.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert {each.split("\t")[0] for each in done.stdout.splitlines()} == offered, done.stderr


# How a shell without anybody's settings begins to complete.
BEGIN = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ["source <(kubeauth completion bash)"]),
    "zsh": (
        ["zsh", "-f", "-i"],
        ["autoload -U compinit", "compinit -u -D", "source <(kubeauth completion zsh)"],
    ),
}


class Typed:
    """A person who types into a shell at a terminal, and reads the screen."""

    def __init__(self, name: str, environ: dict[str, str]) -> None:
        command, begin = BEGIN[name]
        mine, theirs = pty.openpty()
        self.screen, self._terminal = "", mine
        self._process = subprocess.Popen(
            [shell(name), *command[1:]],
            env={**environ, "TERM": "xterm", "PS1": "$ "},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(mine, False)
        for line in [*begin, "echo rea''dy"]:
            os.write(mine, line.encode() + b"\n")
        self.wait_for("ready")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 30
        while text not in self.screen.replace("\r", ""):
            assert time.monotonic() < deadline, self.screen
            try:
                self.screen += os.read(self._terminal, 4096).decode("utf-8", "replace")
            except BlockingIOError:
                time.sleep(0.02)

    def type(self, text: str) -> None:
        self.screen = ""
        os.write(self._terminal, text.encode())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


@pytest.mark.parametrize("name", BEGIN)
def test_a_tab_completes(alone: Program, name: str) -> None:
    typed = Typed(name, alone.environ)
    try:
        typed.type("kubeauth conv\t")
        typed.wait_for("ert-kubeconfig")
        typed.type("--context prod\t\t")
        typed.wait_for("production-eu")
        typed.type("\x15kubeauth login --user d\t")
        typed.wait_for("ana")
    finally:
        typed.close()


def test_a_shell_that_asks_gets_no_error(alone: Program) -> None:
    """A broken kubeconfig is not the business of a TAB."""
    (alone.home / ".kube/config").write_text("}{")
    ran = alone(
        _KUBEAUTH_COMPLETE="bash_complete", COMP_WORDS="kubeauth login --context p", COMP_CWORD="3"
    )
    assert (ran.code, ran.stdout.strip(), ran.stderr) == (0, "", "")


def test_another_shell_is_an_error(alone: Program) -> None:
    ran = alone("completion", "powershell")
    assert ran.code == 2 and "'bash', 'zsh', 'fish'" in ran.error
