"""The home folder: kubectl.exe's for its files, the profile for the cache."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from harness import BIN, Program

from kubeauth.kubeconfig.home import kubectl_home

pytestmark = pytest.mark.process

# The folders of HOME, HOMEDRIVE with HOMEPATH, and USERPROFILE.
VARIABLES = ("HOME", "network", "USERPROFILE")
# For each: n (the variable is not set), a (it names no folder), f (a folder), c (with a config).
READING = ("cnc", "cff", "ncf", "nfc", "acc", "fcf", "ffc", "aac")
WRITING = ("nnf", "nff", "aff", "faa", "afa", "aaa", "naf", "fff")


def place(folder: Path, environ: dict[str, str], case: str) -> None:
    for name, state in zip(VARIABLES, case, strict=True):
        home = folder / f"of {name}"
        if state in "fc":
            home.mkdir()
        if state == "c":
            (home / ".kube").mkdir()
            (home / ".kube" / "config").write_text(f"current-context: of {name}\n")
        if state == "n":
            continue
        if name == "network":
            environ["HOMEDRIVE"], environ["HOMEPATH"] = os.path.splitdrive(home)
        else:
            environ[name] = str(home)


def kubectl(program: Program, *words: str) -> str:
    done = subprocess.run(
        [str(BIN / "kubectl.exe"), *words],
        env=program.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("case", READING)
def test_kubectl_reads_the_same_kubeconfig(program: Program, tmp_path: Path, case: str) -> None:
    del program.environ["USERPROFILE"]
    place(tmp_path, program.environ, case)
    found = kubectl(program, "config", "current-context")
    assert kubectl_home(program.environ) == str(tmp_path / found)


@pytest.mark.parametrize("case", WRITING)
def test_kubectl_writes_where_we_look(program: Program, tmp_path: Path, case: str) -> None:
    del program.environ["USERPROFILE"]
    place(tmp_path, program.environ, case)
    kubectl(program, "config", "set-context", "mine")
    (written,) = tmp_path.rglob("config")
    assert kubectl_home(program.environ) == str(written.parent.parent)


def test_the_command_converts_kubectls_file(program: Program, sim, tmp_path: Path) -> None:
    home = tmp_path / "network"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube" / "config").write_text(sim.kubeconfig("exec"))
    drive, path = os.path.splitdrive(home)
    ran = program(
        *("convert-kubeconfig", "-l", "azurecli", "-o", "json"), HOMEDRIVE=drive, HOMEPATH=path
    )
    assert ran.code == 0, ran.stderr
    assert json.loads(ran.stdout)[0]["file"] == str(home / ".kube" / "config")


@pytest.mark.parametrize("home", ["HOME", "network"])
def test_the_policy_of_kubectl_is_found(program: Program, sim, tmp_path: Path, home: str) -> None:
    folder = tmp_path / home
    (folder / ".kube").mkdir(parents=True)
    (folder / ".kube" / "config").write_text(sim.kubeconfig("exec"))
    policy = {
        "apiVersion": "kubectl.config.k8s.io/v1beta1",
        "kind": "Preference",
        "credentialPluginPolicy": "DenyAll",
    }
    (folder / ".kube" / "kuberc").write_text(json.dumps(policy))
    place_of = {"HOME": str(folder)}
    if home == "network":
        drive, path = os.path.splitdrive(folder)
        place_of = {"HOMEDRIVE": drive, "HOMEPATH": path}
    ran = program("convert-kubeconfig", "-l", "azurecli", **place_of)
    assert ran.code == 0 and "denies all credential plugins" in ran.stderr


@pytest.mark.parametrize("named", ["~\\kc", "~/kc", "~\\a\\b", "~"])
def test_a_cache_below_the_home(program: Program, sim, spn, tmp_path, monkeypatch, named) -> None:
    monkeypatch.chdir(tmp_path)
    first = program.get_token(*spn, "--cache-dir", named)
    assert first.status["token"]
    sim.requests.clear()
    assert program.get_token(*spn, "--cache-dir", named).status == first.status
    assert sim.requests.count(service="entra") == 0
    folder = program.home / named[2:]
    assert list(folder.glob("*.hot")) and not (tmp_path / "~").exists()
