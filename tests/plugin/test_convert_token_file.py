"""``convert-kubeconfig --to token-file``: kubectl reads a file, and nothing is lost on the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from harness import KUBEAUTH, STARTED_BY, not_on_windows

from kubeauth.adapters.programs import split_command
from kubeauth.testing import Application, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program


@pytest.fixture
def config(sim: Simulator, tmp_path: Path) -> Path:
    file = tmp_path / "config"
    file.write_text(sim.kubeconfig(context="prod") + "# the end\n")
    return file


@pytest.fixture
def convert(program: Program, config: Path, sim: Simulator, app: Application):
    identity = ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)
    here = ("--authority-host", sim.authority, "--disable-instance-discovery")

    def run(*words: str):
        return program("convert-kubeconfig", "--kubeconfig", str(config), *words)

    assert run(*identity, *here).code == 0
    return run


def entry_of(command: str, args: list[str], **variables: str) -> dict:
    """Return a kubeconfig whose one user runs a plugin."""
    block = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": command,
        "args": args,
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "users": [{"name": "u", "user": {"exec": block}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k.example"}}],
        "current-context": "c",
    }


def user_of(config: Path) -> dict:
    return yaml.safe_load(config.read_text())["users"][0]["user"]


class TestConvert:
    @pytest.mark.parametrize("style", ["exec", "azure"])
    def test_a_file_takes_the_place_of_the_program(
        self, program: Program, config: Path, sim: Simulator, tmp_path: Path, style: str
    ) -> None:
        config.write_text(sim.kubeconfig(style, context="prod"))
        before = config.read_text()
        token = tmp_path / "a token"
        ran = program(
            "convert-kubeconfig", "--kubeconfig", str(config), "--to", f"token-file={token}"
        )
        assert ran.code == 0, ran.stderr
        assert user_of(config) == {"tokenFile": str(token)}
        undone = program("convert-kubeconfig", "--kubeconfig", str(config), "--undo")
        assert undone.code == 0 and config.read_text() == before

    def test_the_command_that_it_prints_keeps_the_file(
        self, program: Program, convert, config: Path, sim: Simulator, app: Application
    ) -> None:
        ran = convert("--to", "token-file")
        file = Path(user_of(config)["tokenFile"])
        assert file.parent == config.parent and file.suffix == ".token"
        line = re.search(r"fresh, run: (.*)", ran.stderr)
        assert line is not None, ran.stderr
        words = split_command(line[1])[len(STARTED_BY) :]
        assert words[:3] == ["token-file", "--output", str(file)]
        secret = {"AZURE_CLIENT_SECRET": app.secret}
        assert program(*words, "--once", **secret).code == 0
        assert file.read_text().count(".") == 2

    def test_a_secret_is_not_repeated(self, program: Program, convert, config: Path) -> None:
        assert convert("--client-secret", "s3cr3t-s3cr3t").code == 0
        ran = convert("--to", "token-file")
        assert (
            "s3cr3t" not in ran.stdout + ran.stderr
            and "put the secret of --client-secret" in ran.stderr
        )

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("command:curl -H token:s3cr3t-s3cr3t x", "add --assertion-source as in the old entry"),
            ("env:CI_TOKEN", "--assertion-source env:CI_TOKEN"),
        ],
    )
    def test_a_programs_arguments_are_not_repeated(
        self, convert, config: Path, source: str, said: str
    ) -> None:
        convert("-l", "workloadidentity", "--assertion-source", source)
        ran = convert("--to", "token-file")
        assert ran.code == 0 and said in ran.stderr and "s3cr3t" not in ran.stdout + ran.stderr

    @not_on_windows("it pastes the command into a shell of POSIX")
    @pytest.mark.parametrize("command", ["kubeauth", "./kubeauth"])
    def test_the_variables_of_the_entry_are_in_the_command(
        self, program: Program, config: Path, sim: Simulator, app: Application, command: str
    ) -> None:
        """Pasted into a shell in another folder, it does what the entry did."""
        (config.parent / "kubeauth").symlink_to(KUBEAUTH)
        kept = config.parent / "it's $HOME"
        user = entry_of(
            command,
            ["get-token", "--force-refresh", "--login=spn", *program.always],
            AZURE_CLIENT_ID=app.client_id,
            AZURE_TENANT_ID=sim.tenant.id,
            AZURE_CLIENT_SECRET=app.secret,
            KUBEAUTH_CACHE_DIR=str(kept),
            HTTPS_PROXY="http://somebody:pass-word@localhost:1",
            NO_PROXY="*",
        )
        config.write_text(json.dumps(user))
        ran = program("convert-kubeconfig", "--kubeconfig", str(config), "--to", "token-file")
        assert ran.code == 0, ran.stderr
        assert app.secret not in ran.stdout + ran.stderr and "pass-word" not in ran.stderr
        assert "set AZURE_CLIENT_SECRET as in the old entry" in ran.stderr
        assert "set HTTPS_PROXY as in the old entry" in ran.stderr
        line = re.search(r", run: (.*)", ran.stderr)
        assert line is not None
        pasted = subprocess.run(
            ["/bin/sh", "-c", f"{line[1]} --once"],
            env={**program.environ, "AZURE_CLIENT_SECRET": app.secret},
            cwd="/",
            check=False,
        )
        assert pasted.returncode == 0
        assert Path(user_of(config)["tokenFile"]).read_text().count(".") == 2
        assert any(kept.iterdir())

    def test_a_proof_of_possession_needs_the_program(self, convert, config: Path) -> None:
        assert convert("--pop-enabled", "--pop-claims", "u=cluster").code == 0
        before = config.read_text()
        ran = convert("--to", "token-file")
        assert ran.code == 2 and "signs each request" in ran.stderr
        assert config.read_text() == before

    def test_what_it_leaves_alone(self, convert, config: Path) -> None:
        assert convert("--to", "token-file").code == 0
        again = convert("--to", "token-file")
        assert again.code == 3 and "a token file" in again.stderr
        assert config.read_text().endswith("# the end\n")

    @pytest.mark.parametrize("value", ["token-file=", "kubelogin=x", "tokenfile"])
    def test_a_value_that_makes_no_sense(self, convert, value: str) -> None:
        assert convert("--to", value).code == 2

    def test_one_file_for_several_users(self, program: Program, sim, tmp_path: Path) -> None:
        files = [tmp_path / name for name in ("one", "two")]
        for file in files:
            text = sim.kubeconfig(context=file.name)
            file.write_text(text.replace(yaml.safe_load(text)["users"][0]["name"], file.name))
        both = {"KUBECONFIG": os.pathsep.join(map(str, files))}
        path = tmp_path / "token"
        ran = program("convert-kubeconfig", "--to", f"token-file={path}", **both)
        assert ran.code == 2 and "cannot share" in ran.error


@pytest.mark.e2e
def test_kubectl_reads_the_file_and_runs_no_program(
    program: Program, convert, config: Path, sim: Simulator, app: Application
) -> None:
    from harness import BIN

    convert("--to", "token-file")
    Path(user_of(config)["tokenFile"]).write_text(sim.mint_token(app))
    sim.requests.clear()
    ran = subprocess.run(
        [BIN / "kubectl", "--kubeconfig", config, "get", "nodes"],
        env={"HOME": str(config.parent), "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0 and "node-0" in ran.stdout, ran.stderr
    assert sim.requests.count(service="entra") == 0
