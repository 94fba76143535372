"""What the real kubectl makes of a converted kubeconfig, and of one that both write to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import KUBEAUTH, STARTED_BY, not_on_windows

from kubeauth_plugin.cli import run

BIN = Path(sys.executable).parent
KUBECTL = shutil.which("kubectl", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl on PATH"),
]

ODD = [
    "y",
    "N",
    "08",
    "1234e56",
    "0o17",
    "1e+3",
    "=",
    "<<",
    "~",
    "a: b # c",
    'q"\\',
    "\u0085",
    "\u2028",
]
WRITERS = 50


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    for name in ("KUBECONFIG", "AAD_LOGIN_METHOD", "KUBERC", "KUBECTL_KUBERC"):
        monkeypatch.delenv(name, raising=False)


def kubectl(file: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(KUBECTL), "--kubeconfig", file, *args],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def view(file: Path) -> dict[str, Any]:
    """Return the users as kubectl reads them."""
    done = kubectl(file, "config", "view", "--raw", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert kubectl(file, "config", "view").returncode == 0
    return {user["name"]: user["user"] for user in json.loads(done.stdout)["users"]}


def convert(file: Path, *args: str) -> None:
    os.utime(file, (0, 0))  # a file that was just written would be watched for a while
    assert run(["convert-kubeconfig", "--kubeconfig", str(file), *args]) == 0


def legacy(**config: str) -> dict[str, Any]:
    names = {key.replace("_", "-"): value for key, value in config.items()}
    return {"auth-provider": {"name": "azure", "config": names}}


def write(file: Path, users: dict[str, Any]) -> None:
    listed = [{"name": name, "user": user} for name, user in users.items()]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "users": listed}))


def as_yaml(file: Path) -> None:
    """Have kubectl rewrite a file, which makes it YAML."""
    assert kubectl(file, "config", "set-cluster", "c", "--server=https://c").returncode == 0


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_every_string_comes_back(tmp_path: Path, form: str) -> None:
    file = tmp_path / "config"
    # kubectl itself turns U+0085 into a blank when it writes YAML.
    strings = [odd for odd in ODD if form == "json" or odd != "\u0085"]
    users = {f"u{n}": legacy(apiserver_id=odd, tenant_id=odd) for n, odd in enumerate(strings)}
    write(file, users)
    if form == "yaml":
        as_yaml(file)
    for n, odd in enumerate(strings):
        convert(file, "-l", "devicecode", "--user", f"u{n}", "--client-id", odd)
    found = view(file)
    for n, odd in enumerate(strings):
        assert found[f"u{n}"]["exec"]["args"] == [
            *STARTED_BY[1:],
            *("get-token", "--login", "devicecode", "--server-id", odd, "--client-id", odd),
            *("--tenant-id", odd, "--legacy"),
        ]


def test_what_python_wrote_and_kubectl_cannot_read_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    exec:\n"
        "      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n"
        "      args:\n      - get-token\n      - --server-id\n      - 1234e56\n"
    )
    assert kubectl(file, "config", "view").returncode != 0
    convert(file, "-l", "msi")
    assert view(file)["a"]["exec"]["args"][-2:] == ["--server-id", "1234e56"]


def test_a_file_that_kubectl_rewrote_stays_as_converted(tmp_path: Path) -> None:
    file = tmp_path / "config"
    write(file, {"u": legacy(apiserver_id="s", tenant_id="t", client_id="c")})
    convert(file)
    as_yaml(file)
    before = file.read_bytes()
    convert(file)
    assert file.read_bytes() == before


def test_kubectl_keeps_what_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "config"
    write(file, {"u": legacy(apiserver_id="s", tenant_id="t", client_id="c")})
    convert(file)
    before = view(file)
    convert(file, "-l", "azurecli")
    as_yaml(file)
    assert "extensions" in view(file)["u"]
    convert(file, "-l", "devicecode")
    assert view(file) == before


@pytest.mark.slow
def test_fifty_conversions_while_kubectl_writes(tmp_path: Path) -> None:
    file = tmp_path / "config"
    user = legacy(apiserver_id="s")
    write(file, {f"u{n}": user for n in range(WRITERS)})
    environ = {**os.environ, "HOME": str(tmp_path)}
    base = [KUBEAUTH, "convert-kubeconfig", "-l", "msi", "--kubeconfig", file]
    children = [
        subprocess.Popen([*base, "--user", f"u{n}"], stdout=subprocess.DEVNULL, env=environ)
        for n in range(WRITERS)
    ]
    written = 0
    while any(child.poll() is None for child in children):
        done = kubectl(file, "config", "set-context", f"c{written}", "--user=u0")
        # kubectl does not wait for the lock; it says so and changes nothing.
        assert done.returncode == 0 or "file exists" in done.stderr.lower(), done.stderr
        written += done.returncode == 0
        time.sleep(0.01)
    assert [child.returncode for child in children] == [0] * WRITERS
    assert all(user["exec"]["command"] == STARTED_BY[0] for user in view(file).values())
    contexts = json.loads(kubectl(file, "config", "view", "-o", "json").stdout)["contexts"] or []
    assert len(contexts) == written and len(view(file)) == WRITERS


@pytest.mark.slow
def test_conversions_one_after_the_other_while_kubectl_writes(tmp_path: Path) -> None:
    """Each finds nobody in its way, but kubectl may put back what it read before."""
    file, users = tmp_path / "config", 5
    write(file, {f"u{n}": legacy(apiserver_id="s") for n in range(users)})
    environ = {**os.environ, "HOME": str(tmp_path)}
    base = [KUBEAUTH, "convert-kubeconfig", "-l", "msi", "--kubeconfig", file]
    written = 0
    for n in range(users):
        child = subprocess.Popen([*base, "--user", f"u{n}"], stdout=subprocess.DEVNULL, env=environ)
        while child.poll() is None:
            done = kubectl(file, "config", "set-context", f"c{written}", "--user=u0")
            assert done.returncode == 0 or "file exists" in done.stderr.lower(), done.stderr
            written += done.returncode == 0
        assert child.returncode == 0
    assert all(user["exec"]["command"] == STARTED_BY[0] for user in view(file).values())
    contexts = json.loads(kubectl(file, "config", "view", "-o", "json").stdout)["contexts"] or []
    assert len(contexts) == written and len(view(file)) == users


class TestKuberc:
    """The command that a warning prints, run as it stands."""

    def followed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        """Convert, run the printed command, and return the preferences after it."""
        file = tmp_path / "config"
        user = {"exec": {"command": "kubelogin", "args": ["get-token", "--server-id", "s"]}}
        file.write_text(json.dumps({"users": [{"name": "u", "user": user}]}))
        run(["convert-kubeconfig", "--kubeconfig", str(file), "-l", "azurecli"])
        said = " ".join(capsys.readouterr().err.split())
        command = re.search(r"`(kubectl kuberc set [^`]*)`", said)
        assert command is not None, said
        subprocess.run(command[1], shell=True, check=True, timeout=60)
        capsys.readouterr()
        run(["convert-kubeconfig", "--kubeconfig", str(file), "-l", "azurecli"])
        assert "kuberc" not in capsys.readouterr().err
        return yaml.safe_load((tmp_path / ".kube" / "kuberc").read_text())

    def prefer(self, tmp_path: Path, **fields: Any) -> None:
        (tmp_path / ".kube").mkdir()
        head = {"apiVersion": "kubectl.config.k8s.io/v1beta1", "kind": "Preference"}
        (tmp_path / ".kube" / "kuberc").write_text(json.dumps({**head, **fields}))

    @not_on_windows("the names have signs that cmd reads in its own way")
    @pytest.mark.parametrize("field", ["command", "name"])
    def test_keeps_the_entries_that_are_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
    ) -> None:
        others = ["aws", "/opt/with blank/gcloud", "/opt/a'b/$HOME"]
        listed = [{field: other} for other in others]
        alias = [{"name": "gp", "command": "get"}]
        self.prefer(
            tmp_path,
            credentialPluginPolicy="Allowlist",
            credentialPluginAllowlist=listed,
            aliases=alias,
        )
        after = self.followed(tmp_path, capsys)
        commands = [entry["command"] for entry in after["credentialPluginAllowlist"]]
        assert commands[:-1] == others and shutil.which(commands[-1]) == str(KUBEAUTH)
        assert [entry["name"] for entry in after["aliases"]] == ["gp"]

    def test_after_deny_all(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.prefer(tmp_path, credentialPluginPolicy="DenyAll")
        after = self.followed(tmp_path, capsys)
        assert after["credentialPluginPolicy"] == "Allowlist"
        assert len(after["credentialPluginAllowlist"]) == 1


class TestUndo:
    """--undo beside the real kubectl, which writes whole files anew."""

    @pytest.fixture
    def two(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
        east, west = tmp_path / "east.yaml", tmp_path / "west.yaml"
        ids = {"apiserver_id": "s", "client_id": "c", "tenant_id": "t"}
        write(east, {"e1": legacy(**ids), "e2": legacy(**ids), "admin": {"token": "x"}})
        write(west, {"w": legacy(**ids)})
        for file in (east, west):
            os.utime(file, (0, 0))
        monkeypatch.setenv("KUBECONFIG", f"{east}{os.pathsep}{west}")
        return east, west

    def test_both_files_come_back(self, two: tuple[Path, Path]) -> None:
        before = [file.read_bytes() for file in two]
        assert run(["convert-kubeconfig", "-l", "azurecli"]) == 0
        assert view(two[0])["e1"]["exec"]["command"] == STARTED_BY[0]
        assert run(["convert-kubeconfig", "--undo"]) == 0
        assert [file.read_bytes() for file in two] == before

    def test_what_kubectl_changed_since_stays(self, two: tuple[Path, Path]) -> None:
        """It writes the whole file in its own form; the users mean what they did."""
        before = view(two[0])
        assert run(["convert-kubeconfig", "-l", "azurecli"]) == 0
        for words in (
            ("set-context", "new", "--user", "e1"),
            ("use-context", "new"),
            ("set-credentials", "admin", "--token", "y"),
        ):
            assert kubectl(two[0], "config", *words).returncode == 0
        assert run(["convert-kubeconfig", "--undo"]) == 0
        after = view(two[0])
        assert after.pop("admin") == {"token": "y"}
        before.pop("admin")
        assert after == before
        assert kubectl(two[0], "config", "current-context").stdout == "new\n"

    def test_a_user_that_kubectl_edited_is_left_alone(self, two: tuple[Path, Path]) -> None:
        assert run(["convert-kubeconfig", "-l", "azurecli"]) == 0
        assert kubectl(two[0], "config", "set-credentials", "e1", "--exec-arg=mine").returncode == 0
        edited = view(two[0])["e1"]
        assert run(["convert-kubeconfig", "--undo"]) == 0
        after = view(two[0])
        assert after["e1"] == edited
        assert "auth-provider" in after["e2"] and "auth-provider" in view(two[1])["w"]
