"""A token that the API server rejects is replaced, whatever stands between kubectl and Python."""

from __future__ import annotations

import time

import pytest

from kubeauth.cache.storage.checked import packed, unpacked

pytestmark = pytest.mark.process


def age(desk) -> None:
    """Let what is kept be older than it is; a token just obtained is never taken for rejected."""
    for file in desk.program.cache.glob("*.token.json"):
        fields = unpacked(file.read_bytes())
        fields["obtained_on"] -= 60
        file.write_bytes(packed(fields))
    for file in [*desk.program.cache.glob("*.hot"), *desk.program.cache.glob("*.asked")]:
        file.unlink()


@pytest.mark.parametrize("command", ["auto", "bare", "absolute", "module"])
def test_the_second_command_works_at_the_latest(desk, command):
    desk.convert("--command", command)
    first = desk.kubectl("get", "nodes")
    assert first.code == 0, first.stderr
    age(desk)
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
    age(desk)
    desk.sim.requests.clear()
    assert [desk.kubectl("get", "nodes").code for _ in range(3)] == [0, 0, 0]
    assert desk.sign_ins == 0


def test_the_caller_is_kubectl(desk):
    """The note on the last caller has lines as the fast path reads them: LF, on every system."""
    desk.convert("--command", "absolute")
    assert desk.kubectl("get", "nodes").code == 0
    age(desk)
    assert desk.kubectl("get", "nodes").code == 0
    (asked,) = desk.program.cache.glob("*.asked")
    caller, counts, rest = asked.read_bytes().split(b"\n")
    number, start, program = caller.decode().split(" ", 2)
    assert number.isdigit() and int(start) and program.lower().endswith("\\kubectl.exe")
    assert len(counts.split()) == 3 and rest == b""
