"""A token that the API server rejects is replaced, whatever stands between kubectl and Python."""

from __future__ import annotations

import time

import pytest
from ageing import age

pytestmark = pytest.mark.process


@pytest.mark.parametrize("command", ["auto", "bare", "absolute", "module"])
def test_the_second_command_works_at_the_latest(desk, command):
    desk.convert("--command", command)
    first = desk.kubectl("get", "nodes")
    assert first.code == 0, first.stderr
    age(desk.program.cache)
    desk.sim.revoke_tokens()
    time.sleep(1.1)  # tokens are dated in whole seconds
    desk.sim.requests.clear()
    codes = [desk.kubectl("get", "nodes").code for _ in range(3)]
    assert codes[1:] == [0, 0]
    assert desk.sign_ins == 1


@pytest.mark.parametrize("command", ["absolute", "module"])
def test_a_token_that_is_accepted_stays(desk, command):
    desk.convert("--command", command)
    assert desk.kubectl("get", "nodes").code == 0
    age(desk.program.cache)
    desk.sim.requests.clear()
    assert [desk.kubectl("get", "nodes").code for _ in range(3)] == [0, 0, 0]
    assert desk.sign_ins == 0


def test_the_caller_is_kubectl(desk):
    """The note on the last caller has lines as the fast path reads them: LF, on every system."""
    desk.convert("--command", "absolute")
    assert desk.kubectl("get", "nodes").code == 0
    age(desk.program.cache)
    assert desk.kubectl("get", "nodes").code == 0
    (asked,) = desk.program.cache.glob("*.asked")
    caller, counts, rest = asked.read_bytes().split(b"\n")
    number, start, program = caller.decode().split(" ", 2)
    assert number.isdigit() and int(start) and program.lower().endswith("\\kubectl.exe")
    assert len(counts.split()) == 3 and rest == b""
