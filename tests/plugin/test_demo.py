"""``kubeauth demo``: every login plays to its end and leaves nothing behind."""

from __future__ import annotations

import os
import shutil

import pytest
from harness import BIN, WINDOWS, Program, basic_environ
from reliability.cells import everyday

LOGINS = ("spn", "devicecode", "interactive", "auto", "azurecli", "msi", "workloadidentity")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        shutil.which("kubectl", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}") is None,
        reason="no kubectl on this machine",
    ),
]


@pytest.fixture
def stage(tmp_path):
    """The program with an empty home and a temporary folder of its own."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    environ = basic_environ(tmp_path / "home", {"TMPDIR": str(tmp_path / "tmp")})
    return Program(tmp_path / "home", environ)


def left_behind(stage):
    folders = (stage.home, stage.home.parent / "tmp")
    return [path for folder in folders for path in folder.rglob("*")]


@pytest.mark.parametrize("login", everyday(LOGINS, ("spn", "devicecode")))
def test_plays_to_its_end_without_a_terminal(stage, login):
    if WINDOWS and login in ("devicecode", "interactive", "auto"):
        pytest.skip("without a console, kubectl.exe tells its plugins that nobody is there")
    ran = stage("demo", "--login", login, limit=600)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("node-0 ") == 2
    arrow = "→ " if not WINDOWS else "\\u2192 "  # the code page of a pipe has no arrow
    assert ran.stdout.count(arrow) == 4
    assert ran.stdout.count("signed in; requests:") == 1, "the first visit only"
    assert ran.stdout.count("no request to Entra ID or IMDS") == 3
    assert "Username" in ran.stdout and "BEGIN " not in ran.stdout
    assert "warning" not in ran.stdout
    assert left_behind(stage) == []


def test_is_safe_to_run_twice_and_beside_ones_own_variables(stage):
    mine = {
        "AAD_LOGIN_METHOD": "msi",
        "AZURE_TENANT_ID": "nowhere.example",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "KUBECONFIG": str(stage.home / "config"),
    }
    for _ in range(2):
        ran = stage("demo", **mine)
        assert ran.code == 0, ran.stdout + ran.stderr
    assert left_behind(stage) == []


def test_a_login_that_cannot_be_played(stage):
    ran = stage("demo", "--login", "telepathy")
    assert "telepathy" in ran.error and ran.code == 2


def test_every_login_there_is_can_be_played():
    from kubeauth_plugin.demo.cast import CASTS

    assert set(CASTS) == set(LOGINS)
