"""A token file on Windows, where the folder's access control list keeps it private."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import jwt
import pytest
from harness import Program, until

from kubeauth.files import undisturbed
from kubeauth.testing import Simulator

pytestmark = pytest.mark.process


@pytest.fixture
def words(program: Program, spn: tuple[str, ...], tmp_path: Path) -> tuple[str, ...]:
    return ("token-file", "--output", str(tmp_path / "token"), *program.always, *spn)


def is_whole(file: Path) -> bool:
    return bool(jwt.decode(file.read_text(), options={"verify_signature": False})["exp"])


def test_once_and_check(program: Program, words: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "token"
    ran = program(*words, "--once")
    assert ran.code == 0 and is_whole(file), ran.stderr
    assert program("token-file", "--output", str(file), "--check", "60").code == 0
    assert program("token-file", "--output", str(file), "--check", "7200").code == 10


@pytest.mark.parametrize(
    "flag", [("--mode", "0640"), ("--owner", "somebody"), ("--group", "users")]
)
def test_owner_group_and_mode_are_not_there(
    program: Program, words: tuple[str, ...], sim: Simulator, flag: tuple[str, str]
) -> None:
    ran = program(*words, "--once", *flag)
    assert ran.code == 2 and "Windows has no --mode, --owner and --group" in ran.error
    assert len(sim.requests) == 0


def test_it_is_kept_while_others_read_it(
    program: Program, words: tuple[str, ...], sim: Simulator, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    before, sim.token_lifetime = sim.token_lifetime, 362  # due two seconds after it was issued
    process = subprocess.Popen(
        [*program.command, *words],
        env=program.environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(file.exists, limit=120)
        first = undisturbed(file.read_text)

        def renewed() -> bool:
            # A reader is in the way of a replacement for a moment, and a replacement in a reader's.
            with suppress(PermissionError), file.open() as held:
                return held.read() != first
            return False

        until(renewed, limit=120)
        assert undisturbed(lambda: is_whole(file))
    finally:
        sim.token_lifetime = before
        # Of kubeauth.exe, which runs Python as a second process.
        taskkill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(taskkill, capture_output=True, timeout=100)
        process.kill()
        process.wait(100)


def test_a_program_ends_it(program: Program, words: tuple[str, ...]) -> None:
    ran = program(*words, "--exec", "cmd", "/c", "exit 7")
    assert ran.code == 7
