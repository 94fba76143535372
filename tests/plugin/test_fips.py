"""Every command where the system is in FIPS mode, which allows neither BLAKE2 nor scrypt.

A Python plays it that refuses both, as Red Hat's does there.
"""

from __future__ import annotations

import sys

import pytest
from harness import Program, not_on_windows

from kubeauth.testing import AKS_CLIENT_ID, Simulator

pytestmark = [pytest.mark.process, not_on_windows("its Python has no such mode")]

IN_FIPS_MODE = """
import hashlib, sys, types
def refuse(*_, **__):
    raise ValueError("not available in FIPS mode")
hashlib.blake2b = hashlib.blake2s = hashlib.md5 = hashlib.scrypt = refuse
sys.modules["_blake2"] = types.SimpleNamespace(blake2b=refuse, blake2s=refuse)
sys.argv[0] = "kubeauth"
from kubeauth_plugin.__main__ import main
main()
"""
WITHOUT_THE_MODULE = IN_FIPS_MODE.replace(
    "types.SimpleNamespace(blake2b=refuse, blake2s=refuse)", "None"
)


@pytest.fixture(params=[IN_FIPS_MODE, WITHOUT_THE_MODULE], ids=["refused", "absent"])
def program(program: Program, request: pytest.FixtureRequest) -> Program:
    program.command = (sys.executable, "-I", "-c", request.param)
    program.environ["KUBEAUTH_BACKGROUND_REFRESH"] = "0"
    return program


def test_a_token_is_cached_and_comes_from_the_fast_path(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    first = program.get_token(*spn)
    assert first.status["token"]
    asked = len(sim.requests)
    assert program.get_token(*spn) == first
    assert len(sim.requests) == asked
    assert [file.suffix for file in program.cache.glob("*.hot")] == [".hot"]


def test_a_password_names_its_own_token(program: Program, sim: Simulator) -> None:
    anna = sim.tenant.add_user("anna@contoso.example", "her-password")
    login = ("-l", "ropc", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    ask = (*login, "--username", anna.upn, "--password")
    assert program.get_token(*ask, "her-password").status["token"]
    assert "AADSTS50126" in program.get_token(*ask, "another").error


def test_kubeconfigs_are_converted_and_restored(program: Program, sim: Simulator) -> None:
    config = program.home / "config"
    config.write_text(sim.kubeconfig("azure"))
    before = config.read_text()
    command = ("convert-kubeconfig", "--kubeconfig", str(config))
    assert program(*command, "-l", "azurecli").code == 0
    assert config.read_text() != before
    assert program(*command, "--undo").code == 0
    assert config.read_text() == before
