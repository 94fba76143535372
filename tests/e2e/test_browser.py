"""The browser sign-in in a real browser.

It needs Chromium (Debian: ``apt-get install --no-install-recommends chromium``).
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest

from kubeauth.testing import AKS_CLIENT_ID, Simulator

if TYPE_CHECKING:
    from harness import Program

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), "")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed (Debian: chromium)"),
]


@pytest.mark.parametrize("refused", [False, True], ids=["granted", "refused"])
def test_chromium_signs_in_and_shows_how_it_ended(
    program: Program, sim: Simulator, tmp_path: Path, refused: bool
) -> None:
    anna = sim.tenant.add_user("anna@contoso.example", "her-password")
    result = tmp_path / "page"
    person = tmp_path / "person.json"
    person.write_text(
        json.dumps(
            {
                "username": anna.upn,
                "password": anna.password,
                "program": CHROMIUM,
                "result": str(result),
            }
        )
    )
    script = Path(__file__).with_name("person_in_chromium.py")
    command = shlex.join([sys.executable, str(script), str(person)]) + " %s"
    if refused:
        sim.fail_next(53000)
    info = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
    ran = program.get_token(
        *("-l", "interactive", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID),
        *("--browser-command", command),
        KUBERNETES_EXEC_INFO=json.dumps({**info, "spec": {"interactive": True}}),
    )
    if refused:
        assert "AADSTS53000" in ran.stderr and ran.code == 4
    else:
        token = jwt.decode(ran.status["token"], options={"verify_signature": False})
        assert token["upn"] == anna.upn
    assert ("The sign-in failed" if refused else "You can close this page") in _wait_for(result)


def _wait_for(file: Path) -> str:
    """Return what the person saw; the browser may write it after the program has ended."""
    for _ in range(200):
        if file.exists() and (text := file.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError("the browser showed no last page")
