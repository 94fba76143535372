"""Many calls at once make one sign-in, although Windows has neither flock nor signals."""

from __future__ import annotations

import json
import subprocess

import pytest
from harness import Program

from kubeauth.testing import Fault, Simulator

pytestmark = pytest.mark.process

TOKEN = "/oauth2/v2.0/token"


def at_once(program: Program, count: int, *words: str) -> list[tuple[int, str, str]]:
    children = [
        subprocess.Popen(
            [*program.command, "get-token", *program.always, *words],
            env=program.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    said = [child.communicate(timeout=200) for child in children]
    return [(child.returncode, *each) for child, each in zip(children, said, strict=True)]


@pytest.mark.parametrize("count", [2, 6])
def test_one_signs_in_and_the_others_wait(program: Program, sim: Simulator, spn, count) -> None:
    sim.faults.add(Fault(service="entra", path=TOKEN, latency=2, times=None))
    ended = at_once(program, count, *spn)
    assert [code for code, _, _ in ended] == [0] * count
    assert len({json.loads(stdout)["status"]["token"] for _, stdout, _ in ended}) == 1
    assert {stderr for _, _, stderr in ended} == {""}
    assert sim.requests.count(path=TOKEN) == 1


def test_a_refusal_is_told_to_those_who_wait(program: Program, sim: Simulator, spn) -> None:
    # Slower where the machine is too busy to start all of them before the first one has ended.
    for seconds in (3, 10, 25):
        sim.faults.clear()
        sim.faults.add(Fault(service="entra", path=TOKEN, latency=seconds, times=None))
        sim.requests.clear()
        ended = at_once(program, 5, *spn[:-1], f"wr0ng after {seconds} s")
        assert [code for code, _, _ in ended] == [4] * 5
        assert all("AADSTS7000215" in stderr for _, _, stderr in ended)
        if sim.requests.count(path=TOKEN) <= 2:
            return
    raise AssertionError(f"{sim.requests.count(path=TOKEN)} of 5 calls asked Entra ID")


def test_a_killed_holder_stops_nobody(program: Program, sim: Simulator, spn) -> None:
    sim.faults.add(Fault(service="entra", path=TOKEN, hang=60, times=1))
    words = [*program.command, "get-token", *program.always, *spn]
    child = subprocess.Popen(words, env=program.environ, stdout=subprocess.DEVNULL)
    while not sim.requests.count(path=TOKEN):
        assert child.poll() is None
    # Of kubeauth.exe, which runs Python as a second process.
    taskkill = ["taskkill", "/T", "/F", "/PID", str(child.pid)]
    subprocess.run(taskkill, capture_output=True, timeout=100)
    child.kill()
    child.wait(100)
    assert program.get_token(*spn, limit=150).status["token"]
