"""CONTRIBUTING's walk-through of a new login, done in a copy of the code, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kubeauth
from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import FLAGS, Flag
from kubeauth.testing import Simulator

ROOT = Path(__file__).resolve().parents[1]
STEP = re.compile(r"<!-- new login: (?P<what>.*?) -->\n```python\n(?P<code>.*?)```", re.DOTALL)

# What a flag's value is. A kubeconfig may choose the last kind freely: it names no program, and
# nothing that holds a secret.
SECRETS = {"client_secret", "client_certificate_password", "password"}
NAMED = {
    "browser_command": "program",
    "assertion_source": "source",
    "client_secret_env": "variable",
    "client_secret_keyring": "keyring item",
    **dict.fromkeys(
        (
            *("client_secret_file", "client_certificate", "client_certificate_key"),
            "federated_token_file",
        ),
        "file",
    ),
}
# kubeauth.kubeconfig.trust has rules of their own for these.
OWN_RULES = {"authority_host", "ca_file"}
HARMLESS = {
    *("login", "server_id", "tenant_id", "client_id", "username", "login_hint", "environment"),
    *("identity_resource_id", "identity_object_id", "subscription", "assertion_audience"),
    *("azure_pipelines_service_connection_id", "redirect_url", "redirect_port", "prompt"),
    *("no_browser", "qr", "open", "pop_enabled", "pop_claims", "cache_dir", "cache_storage"),
    *("timeout", "connect_timeout", "read_timeout", "person_timeout", "no_background_refresh"),
    *("legacy", "force_refresh", "disable_instance_discovery", "disable_environment_override"),
    "use_azurerm_env_vars",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two packages, with the walk-through's steps done."""
    place = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "kubeauth", place / "kubeauth", ignore=ignore)
    plugin = ROOT / "plugin" / "kubeauth_plugin"
    shutil.copytree(plugin, place / "kubeauth_plugin", ignore=ignore)
    steps = {m["what"]: m["code"] for m in STEP.finditer((ROOT / "CONTRIBUTING.md").read_text())}
    file, row, setting = steps
    (place / file).write_text(steps[file])
    new_row = textwrap.indent(steps[row].rstrip() + ",\n", " " * 8)
    insert(place / "kubeauth/options/logins.py", new_row, before="    )\n}\n")
    field = textwrap.indent(steps[setting], " " * 4)
    insert(place / "kubeauth/options/settings.py", field, before="    origins: Mapping")
    return place


def insert(file: Path, code: str, before: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, code + before))


@pytest.fixture
def token(sim: Simulator, tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(sim.mint_token(sim.tenant.add_user(f"anna@{sim.tenant.name}")) + "\n")
    return file


def run(copy: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kubeauth_plugin", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(copy)},
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.process
class TestTheNewLogin:
    def test_signs_in(self, copy: Path, tmp_path: Path, sim: Simulator, token: Path) -> None:
        words = ("-l", "fromfile", "--server-id", sim.cluster.server_id, "--token-file", str(token))
        done = run(copy, tmp_path, "get-token", *words)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"]["token"] == token.read_text().strip()

    def test_says_what_is_missing(self, copy: Path, tmp_path: Path) -> None:
        done = run(copy, tmp_path, "get-token", "-l", "fromfile", "--server-id", "x")
        assert "error: login fromfile: --token-file is required" in done.stderr
        done = run(
            copy, tmp_path, *("get-token", "-l", "fromfile", "--server-id", "x"), "--token-file=/no"
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "token-file: /no holds no token" in done.stderr

    def test_is_explained(self, copy: Path, tmp_path: Path) -> None:
        words = ("-l", "fromfile", "--server-id", "x", "--token-file", "f", "--explain")
        assert "token-file" in run(copy, tmp_path, "get-token", *words).stdout
        assert "--token-file FILE" in run(copy, tmp_path, "get-token", "--help").stdout

    def test_is_written_into_kubeconfigs(self, copy: Path, tmp_path: Path, sim: Simulator) -> None:
        config = tmp_path / "config"
        config.write_text(sim.kubeconfig("exec"))
        words = ("convert-kubeconfig", "--kubeconfig", str(config), "--command", "bare")
        words = (*words, "-l", "fromfile", "--token-file", "/run/token")
        done = run(copy, tmp_path, *words)
        assert done.returncode == 0, done.stderr
        assert "/run/token" in config.read_text() and "fromfile" in config.read_text()
        done = run(copy, tmp_path, *words, "--to", "kubelogin")
        assert (done.returncode, "kubelogin" in done.stderr) == (2, True)


class TestWhatElseALoginNeeds:
    @pytest.mark.parametrize("login", LOGINS)
    def test_its_provider_is_a_public_name(self, login: str) -> None:
        module, _, name = LOGINS[login].provider.partition(":")
        assert name in kubeauth.__all__
        assert getattr(kubeauth, name).__module__ == module

    @pytest.mark.parametrize("login", LOGINS)
    def test_what_it_needs_can_be_given(self, login: str) -> None:
        row, flags = LOGINS[login], {flag.field for flag in FLAGS}
        assert {*row.needs, *row.needs_one_of, *row.entry.own} <= flags

    @pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
    def test_somebody_has_thought_of_what_a_kubeconfig_can_do_with_its_setting(
        self, flag: Flag
    ) -> None:
        """A new setting goes into one of the four lists, and is declared as that list says."""
        known = SECRETS | NAMED.keys() | OWN_RULES | HARMLESS
        assert flag.field in known, f"put {flag.field} into one of the lists of this file"
        assert flag.secret == (flag.field in SECRETS), "declare it with _secret"
        assert flag.names == NAMED.get(flag.field, ""), "declare what it names"

    def test_each_setting_is_some_logins_or_everybodys(self) -> None:
        """A flag that help says is one login's is one that an entry for that login has."""
        for flag in FLAGS:
            login = flag.help.partition(":")[0]
            if login in LOGINS:
                assert flag.field in LOGINS[login].entry.own, flag.name
