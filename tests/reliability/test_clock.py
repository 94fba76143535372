"""Clocks that jump, between calls and during one (libfaketime): the next right call heals it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
import pytest
from harness import Program, approving
from reliability.cells import Outcome, everyday, run

from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator

# Debian's package libfaketime; .ci/run installs it.
LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not LIBRARIES, reason="there is no libfaketime (apt install libfaketime)"),
]

JUMPS = ("+1d", "-1d", "+10y", "-10y")
# After how many readings of the clock it jumps; 0 is from the start.
MOMENTS = ("0", "5", "30", "100")
INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}


def wrong(jump: str, moment: str = "0") -> dict[str, str]:
    """Variables for a process with a wrong clock. Waits and times of files stay right."""
    start = {"FAKETIME_START_AFTER_NUMCALLS": moment} if moment != "0" else {}
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME": jump,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        **start,
    }


def check(outcome: Outcome) -> None:
    """Under a wrong clock a call works, or its error or hint speaks of the clock."""
    outcome.check()
    if outcome.code:
        assert "clock" in outcome.stderr, outcome


def good_until(outcome: Outcome) -> float:
    token = json.loads(outcome.stdout)["status"]["token"]
    return float(jwt.decode(token, options={"verify_signature": False})["exp"])


def test_the_clock_is_really_wrong(program: Program) -> None:
    outcome = run(program, "--version", environ=wrong("+10y"))
    assert outcome.code == 0
    done = run(
        Program(program.home, program.environ, command=("/bin/date", "+%Y")),
        environ=wrong("+10y"),
    )
    assert int(done.stdout) >= time.gmtime().tm_year + 9


@pytest.mark.parametrize("moment", everyday(MOMENTS, ("5",)))
@pytest.mark.parametrize("jump", JUMPS)
def test_a_program(
    program: Program, sim: Simulator, spn: tuple[str, ...], jump: str, moment: str
) -> None:
    words = ("get-token", *program.always, *spn)
    assert run(program, *words).code == 0
    check(run(program, *words, environ=wrong(jump, moment)))
    check(run(program, *words, "--force-refresh", environ=wrong(jump, moment)))
    healed = run(program, *words)
    assert healed.code == 0, healed
    assert good_until(healed) > time.time() + 300
    sim.requests.clear()
    assert run(program, *words).stdout == healed.stdout
    assert len(sim.requests) == 0


@pytest.mark.parametrize("jump", JUMPS)
def test_a_wrong_clock_first(
    program: Program, sim: Simulator, spn: tuple[str, ...], jump: str
) -> None:
    words = ("get-token", *program.always, *spn)
    check(run(program, *words, environ=wrong(jump)))
    healed = run(program, *words)
    assert healed.code == 0
    assert good_until(healed) > time.time() + 300
    reported = json.loads(healed.stdout)["status"]["expirationTimestamp"]
    assert reported[:4] in (time.strftime("%Y"), str(time.gmtime().tm_year + 1))


@pytest.mark.parametrize("jump", everyday(JUMPS, ("+1d", "-10y")))
def test_a_person_is_not_asked_again(program: Program, sim: Simulator, jump: str) -> None:
    anna = sim.tenant.add_user(f"anna{jump[1:]}{jump[0] == '+'}@contoso.example", "pw")
    words = (
        *("get-token", *program.always, "-l", "devicecode", "-t", sim.tenant.id),
        *("--client-id", AKS_CLIENT_ID),
    )
    asks = {"KUBERNETES_EXEC_INFO": json.dumps({**INFO, "spec": {"interactive": True}})}
    alone = {"KUBERNETES_EXEC_INFO": json.dumps({**INFO, "spec": {"interactive": False}})}
    with approving(sim, anna):
        assert run(program, *words, environ=asks).code == 0
    run(program, *words, environ={**alone, **wrong(jump)})
    run(program, *words, "--force-refresh", environ={**alone, **wrong(jump)})
    healed = run(program, *words, environ=alone)
    assert healed.code == 0, healed
    assert run(program, *words, "--force-refresh", environ=alone).code == 0


@pytest.mark.parametrize("jump", ["+1d", "-1d"])
def test_a_certificate_that_is_judged_by_a_wrong_clock(
    program: Program, sim: Simulator, app: Application, tmp_path: Path, jump: str
) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(app.new_certificate())
    file.chmod(0o600)
    identity = ("-t", sim.tenant.id, "--client-id", app.client_id)
    words = (
        "get-token",
        *program.always,
        "-l",
        "spn",
        *identity,
        "--client-certificate",
        str(file),
    )
    check(run(program, *words, environ=wrong(jump)))
    assert run(program, *words).code == 0
