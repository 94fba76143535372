"""What the pages on kubelogin and on troubleshooting say is so."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml
from harness import BIN, basic_environ

from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import FLAGS
from kubeauth.testing import Simulator
from kubeauth_plugin.cli import kubeauth

DOCS = Path(__file__).parents[2] / "docs"
FROM_KUBELOGIN = (DOCS / "from-kubelogin.md").read_text("utf-8")
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text("utf-8")
USERS = {
    "a": ["--login", "spn", "--client-id", "c", "--tenant-id", "t"],
    "b": ["--login", "azurecli"],
    "c": ["--login", "devicecode", "--client-id", "c", "--tenant-id", "t"],
}


def blocks(page: str) -> list[str]:
    """Return the lines of every indented block, as one pastes them."""
    return re.findall(r"^    (\S.*)$", page, re.MULTILINE)


def kubeconfig() -> str:
    users = [
        {
            "name": name,
            "user": {"exec": {"command": "kubelogin", "args": ["get-token", *words, *SERVER]}},
        }
        for name, words in USERS.items()
    ]
    return json.dumps({"apiVersion": "v1", "kind": "Config", "users": users})


SERVER = ["--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]


def logins(file: Path) -> list[tuple[str, str]]:
    found = [user["user"]["exec"] for user in yaml.safe_load(file.read_text())["users"]]
    return [(one["command"], one["args"][one["args"].index("--login") + 1]) for one in found]


@pytest.mark.process
def test_the_way_from_kubelogin_and_back(tmp_path: Path) -> None:
    """Every command of the page, pasted in its order."""
    config = tmp_path / ".kube" / "config"
    config.parent.mkdir()
    (tmp_path / "clusters").mkdir()
    for file in (config, tmp_path / "clusters/one.yaml", tmp_path / "clusters/two.yaml"):
        file.write_text(kubeconfig())
    seen = []
    for line in blocks(FROM_KUBELOGIN):
        if line.startswith(("Get-ChildItem", "rm ")):
            continue
        done = subprocess.run(
            ["bash", "-c", line],
            env={**basic_environ(tmp_path), "PATH": f"{BIN}:/usr/bin:/bin"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stderr)
        seen.append(logins(config))
    old = [("kubelogin", "spn"), ("kubelogin", "azurecli"), ("kubelogin", "devicecode")]
    looked, converted, one, _, many, _, undone, back = seen
    assert looked == old
    assert converted == [("kubeauth", login) for _, login in old]
    assert one == many == [("kubeauth", "azurecli")] * 3
    assert logins(tmp_path / "clusters/two.yaml") == old and undone != one
    assert [command for command, _ in back] == ["kubelogin"] * 3


def test_it_names_what_only_kubeauth_has() -> None:
    for flag in FLAGS:
        if not flag.kubelogin:
            assert f"`--{flag.name}`" in FROM_KUBELOGIN
    for name, login in LOGINS.items():
        if not login.kubelogin:
            assert f"`{name}`" in FROM_KUBELOGIN


def test_the_list_at_the_top_has_every_text() -> None:
    listed = re.findall(r"^- \[(.*)\]\(#([\w-]+)\)$", TROUBLESHOOTING, re.MULTILINE)
    places = re.findall(r'^<a id="([\w-]+)"></a>\n\n## (.*)$', TROUBLESHOOTING, re.MULTILINE)
    assert [(text, place) for place, text in places] == listed and len(listed) > 10


@pytest.mark.process
def test_its_words_for_kuberc_are_those_that_kubectl_reads(tmp_path: Path, sim: Simulator) -> None:
    """The block, pasted into a kuberc: kubeauth may run, another program may not."""
    lines = blocks(TROUBLESHOOTING)
    start = lines.index("credentialPluginPolicy: Allowlist")
    (tmp_path / ".kube").mkdir()
    head = ["apiVersion: kubectl.config.k8s.io/v1beta1", "kind: Preference"]
    (tmp_path / ".kube/kuberc").write_text("\n".join([*head, *lines[start : start + 3]]))
    config = tmp_path / "config"
    told = {}
    for name in ("kubeauth", "/usr/bin/env"):
        text = sim.kubeconfig("exec").replace("command: kubelogin", f"command: {name}")
        config.write_text(text)
        done = subprocess.run(
            ["kubectl", "--kubeconfig", config, "get", "nodes"],
            env=basic_environ(tmp_path, sim.environ()),
            capture_output=True,
            text=True,
            timeout=60,
        )
        told[name] = done.stderr
    assert "not permitted by the credential plugin allowlist" in told["/usr/bin/env"]
    assert "not permitted" not in told["kubeauth"]


def commands() -> list[tuple[str, str]]:
    """Return each command of ours in code, on every page, with the page's name."""
    found = []
    for page in [*sorted(DOCS.glob("*.md")), *sorted(DOCS.parent.glob("*.md"))]:
        text = page.read_text("utf-8")
        code = re.findall(r"`([^`\n]+)`|^    (.*)$|^(?:\$ )(.*)$", text, re.MULTILINE)
        for line in ("".join(parts) for parts in code):
            for used in re.findall(r"(?:^|\$ |; |do |&& )(kubeauth [a-z][^;|#&]*)", line):
                found.append((page.name, used.strip()))
    return sorted(set(found))


@pytest.mark.parametrize(("page", "used"), commands())
def test_a_command_on_a_page_has_its_flags(page: str, used: str) -> None:
    words = used.replace("…", "").replace("'", "").replace('"', "").split()[1:]
    context = click.Context(kubeauth, info_name="kubeauth")
    command: click.Command | None = kubeauth
    known: set[str] = set()
    while words and isinstance(command, click.Group):
        command = command.get_command(context, words[0])
        assert command is not None, f"{page}: there is no `kubeauth {words[0]}`"
        words = words[1:]
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for parameter in command.params for option in parameter.secondary_opts}
    for word in words:
        name = word.partition("=")[0]
        if re.fullmatch(r"--?[a-z][a-z-]*", name) and name not in ("-h", "--help"):
            assert name in known, f"{page}: {used}"
