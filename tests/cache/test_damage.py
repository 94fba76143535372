"""A changed byte of the cache: the file is as good as absent, and no false token comes out."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Program
from hypothesis import given
from hypothesis import strategies as st

from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.secret import fast_digest
from kubeauth.testing import Simulator


class TestChecked:
    VALUE = {"token": "t" * 40, "expires_on": 1_700_000_000, "about": {"user": "dana"}}  # noqa: RUF012

    @given(st.data())
    def test_a_changed_byte_is_noticed(self, data: st.DataObject) -> None:
        content = bytearray(packed(self.VALUE))
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        with pytest.raises(ValueError, match=r"checksum|nested"):
            unpacked(bytes(content))

    @given(st.binary())
    def test_anything_else_is_noticed(self, content: bytes) -> None:
        with pytest.raises(ValueError, match="checksum"):
            unpacked(content)

    def test_half_a_file_is_noticed(self) -> None:
        whole = packed(self.VALUE)
        for length in range(len(whole)):
            with pytest.raises(ValueError, match="checksum"):
                unpacked(whole[:length])
        assert unpacked(whole) == self.VALUE

    def test_nesting_without_end_is_an_error_of_ours(self) -> None:
        text = b"[" * 100_000
        checksum = fast_digest(text, 8).encode()
        with pytest.raises(ValueError, match=r"nested|Expecting"):
            unpacked(checksum + b"\n" + text)


# Runs the fast path, and the full command if that has nothing, on each changed cache.
SCRIPT = """
import os, random, subprocess, sys
sys.path.insert(0, {tests!r})
from kubeauth_plugin import _hot
argv = sys.argv[2:]
rng, count = random.Random({seed}), {count}
folder = _hot.cache_folder(argv, _hot.environment())
path = folder + "/" + _hot.digest(argv, _hot.environment())
whole = open(path + ".hot", "rb").read()
good = whole.partition(b"\\n\\n")[2]
from time import time
bad = 0
for _ in range(count):
    changed = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    if rng.random() < 0.2:
        changed = changed[: rng.randrange(len(changed))]
    if bytes(changed) == whole:
        continue
    with open(path + ".hot", "wb") as file:
        file.write(changed)
    try:
        served = _hot.read(path + ".hot", time())[0]
    except (OSError, ValueError, IndexError):
        served = b""
    bad += served not in (b"",)
print(bad)
"""


@pytest.mark.process
@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_changed_record_is_never_served(
    program: Program, spn: tuple[str, ...], count: int
) -> None:
    assert program.get_token(*spn).status["token"]
    words = ("get-token", *program.always, *spn)
    script = SCRIPT.format(tests=str(Path(__file__).parents[1]), seed=7, count=count)
    done = subprocess.run(
        [sys.executable, "-c", script, "-", *words],
        env=program.environ,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert (done.stdout.strip(), done.stderr) == ("0", "")


@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_whatever_is_changed_the_next_call_works(
    program: Program, sim: Simulator, spn: tuple[str, ...], count: int
) -> None:
    rng = random.Random(count)
    assert program.get_token(*spn).status["token"]
    for _ in range(count):
        for file in program.cache.iterdir():
            content = bytearray(file.read_bytes())
            if content:
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
                file.write_bytes(content)
        token = program.get_token(*spn).status["token"]
        assert sim.requests.count(service="entra", path="/oauth2/v2.0/token") >= 1
        assert token.count(".") == 2
        assert program.get_token(*spn).status["token"] == token
    assert os.listdir(program.cache)
