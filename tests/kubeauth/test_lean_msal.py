"""The import of a part of MSAL, and that nothing of the trick stays behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.process, pytest.mark.imports]

LEAN = "from kubeauth.providers._entra.lean_msal import load_msal; m = load_msal(lean=True)\n"


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_lean_import_brings_no_http_library() -> None:
    loaded = set(run(f"import sys\n{LEAN}print(*sys.modules)"))
    assert "msal.application" in loaded
    assert not loaded & {"msal", "requests", "urllib3", "http.server", "http.client"}


@pytest.mark.parametrize(
    "use",
    [
        "msal.ManagedIdentityClient",
        "msal.UserAssignedManagedIdentity",
        "msal.PublicClientApplication",
    ],
)
def test_a_later_import_of_msal_has_all_its_public_names(use: str) -> None:
    assert run(f"{LEAN}import msal\nprint({use} is not None)") == ["True"]


def test_both_imports_give_the_same_classes() -> None:
    same = "m.ConfidentialClientApplication is msal.ConfidentialClientApplication"
    assert run(f"{LEAN}import msal\nprint({same})") == ["True"]


def test_a_program_that_has_msal_keeps_it() -> None:
    assert run(f"import msal, sys\n{LEAN}print(sys.modules['msal'] is msal)") == ["True"]


def test_the_library_imports_all_of_it() -> None:
    code = "import sys\n" + LEAN.replace("lean=True", "lean=False")
    assert "msal" in run(f"{code}print(*sys.modules)")
