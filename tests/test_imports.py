"""What is imported when: the price of a start, as a list of modules rather than milliseconds."""

from __future__ import annotations

import subprocess
import sys

import pytest
from harness import BIN, Program

from kubeauth.testing import Simulator

pytestmark = [pytest.mark.process, pytest.mark.imports]

# What the interpreter itself and `from __future__`, `typing` bring is not ours to answer for.
BASELINE = "import sys, typing, __future__"


def modules_after(code: str) -> set[str]:
    """Return the modules that ``code`` adds to a bare interpreter."""
    script = (
        f"{BASELINE}\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_library_imports_the_library_alone():
    assert modules_after("import kubeauth") <= {"kubeauth"}


def test_importing_the_simulators_door_costs_nothing():
    assert modules_after("import kubeauth.testing") <= {"kubeauth", "kubeauth.testing"}


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("AccessToken", {"kubeauth.providers", "kubeauth.options.settings"}),
        ("KubeauthError", {"kubeauth.providers", "kubeauth.options.settings"}),
        ("ServicePrincipal", {"kubeauth.providers.device_code", "kubeauth.providers.azure_cli"}),
        ("AzureCli", {"kubeauth.providers._entra.client"}),
    ],
)
def test_a_name_of_the_library_brings_its_own_room_only(name, never):
    heavy = {"msal", "requests", "cryptography", "azure", "yaml", "click", "kubeauth_plugin"}
    found = modules_after(f"from kubeauth import {name}")
    assert "kubeauth" in found
    assert not found & (never | heavy)


def test_every_name_of_the_library_can_be_had():
    code = "import kubeauth\nfor name in kubeauth.__all__: assert getattr(kubeauth, name)"
    assert "kubeauth.errors" in modules_after(code)
    with pytest.raises(subprocess.CalledProcessError):
        modules_after("import kubeauth; kubeauth.no_such_name")


HEAVY = ("msal", "requests", "cryptography", "yaml", "urllib3", "truststore", "azure", "keyring")


def imported_by(program: Program, *words: str) -> set[str]:
    """Run the installed program and return the modules it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(BIN / "kubeauth"), *words],
        env=program.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines[1:]}


class TestTheProgram:
    def test_a_kept_token_needs_no_network_and_no_cryptography(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        words = ("get-token", *program.always, *spn)
        first = imported_by(program, *words)
        assert {"msal.oauth2cli", "ssl"} <= first, "the list can tell"
        assert not first & {"msal.managed_identity", "requests", "urllib3", "http.client"}
        second = imported_by(program, *words)
        assert not second & set(HEAVY)
        assert not {name for name in second if name.startswith("kubeauth.testing")}

    @pytest.mark.parametrize(
        "words",
        [
            ("--version",),
            ("--help",),
            ("get-token", "--help"),
            ("remove-cache-dir",),
        ],
    )
    def test_what_signs_in_nowhere_imports_no_client(
        self, program: Program, words: tuple[str, ...]
    ) -> None:
        assert not imported_by(program, *words) & {"msal", "requests", "yaml", "kubeauth.testing"}

    def test_converting_asks_nobody(self, program: Program, sim: Simulator) -> None:
        config = program.home / "config"
        config.write_text(sim.kubeconfig("exec"))
        words = ("convert-kubeconfig", "--kubeconfig", str(config), "--login", "azurecli")
        found = imported_by(program, *words)
        assert "yaml" in found
        assert found & {"msal", "requests", "cryptography", "keyring"} == set()
