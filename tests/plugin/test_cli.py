"""The command line: help, usage errors, and what ends a run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import KUBEAUTH, Program, basic_environ, not_on_windows

pytestmark = pytest.mark.process

COMMANDS = ("get-token", "convert-kubeconfig", "remove-cache-dir", "demo")


@pytest.fixture
def alone(tmp_path):
    """The program without a simulator."""
    return Program(tmp_path, basic_environ(tmp_path))


def test_help_lists_every_command(alone):
    ran = alone("--help")
    assert ran.code == 0 and ran.stderr == ""
    assert [name for name in COMMANDS if f"\n  {name} " in ran.stdout] == list(COMMANDS)


@pytest.mark.parametrize("name", [*COMMANDS, "remove-tokens"])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(alone, name, flag):
    ran = alone(name, flag)
    assert ran.code == 0 and ran.stdout.startswith("Usage: kubeauth ") and ran.stderr == ""


def test_no_command_at_all_is_help(alone):
    ran = alone()
    assert ran.code == 2 and "Commands:" in ran.stdout + ran.stderr


def test_both_names_are_the_same_program(alone):
    version = alone("--version")
    assert version.code == 0 and version.stdout.startswith("kubeauth ")
    done = subprocess.run(
        [KUBEAUTH.with_name(f"kubectl-{KUBEAUTH.name}"), "--version"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == version.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("get-tokens",), "get-tokens"),
        (("get-token", "--clientid", "x"), "--clientid"),
        (("get-token", "--timeout", "soon"), "soon"),
        (("get-token", "--legacy=maybe"), "maybe"),
        (("get-token", "--login"), "--login"),
        (("convert-kubeconfig", "--output", "xml"), "xml"),
        (("-v", "loud", "get-token"), "loud"),
        (("demo", "--login", "telepathy"), "telepathy"),
    ],
)
def test_a_wrong_command_line_is_an_error_a_hint_and_2(alone, words, said):
    ran = alone(*words)
    assert said in ran.error and ran.code == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for one process")
def test_ctrl_c_while_it_starts_is_an_error_and_130(alone, tmp_path):
    """At 40 moments of a command that never ends by itself, for it waits for a lock."""
    (tmp_path / "config").write_text("users: []")
    (tmp_path / "config.lock").touch()
    words = ["convert-kubeconfig", "--kubeconfig", str(tmp_path / "config")]
    caught = 0
    for moment in range(40):
        child = subprocess.Popen(
            [str(KUBEAUTH), *words], env=alone.environ, stderr=subprocess.PIPE, text=True
        )
        time.sleep(moment * 0.01)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
        if child.returncode == -signal.SIGINT:
            continue  # sh, or the interpreter before it runs any of our lines
        if "Traceback" in said and not re.search(r'kubeauth_plugin|/kubeauth", line', said):
            continue  # the interpreter's own start; it may even forget the signal
        assert (child.returncode, said.splitlines()[0]) == (130, "error: interrupted"), said
        assert "Traceback" not in said
        caught += 1
    assert caught > 10


def test_a_stray_argument_is_not_repeated(alone):
    ran = alone("get-token", "--client-secret", "", "s3cr3t")
    assert ran.code == 2 and "s3cr3t" not in ran.stderr


def test_a_home_that_is_not_there_is_no_crash(alone):
    ran = alone("remove-cache-dir", HOME="/nonexistent")
    assert ran.code == 0, ran.stderr


@not_on_windows("sh closes the streams here")
@pytest.mark.parametrize(
    ("streams", "words"),
    [
        (streams, words)
        for streams in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-")
        for words in (("get-token", "--login", "spn"), ("--version",))
    ],
)
def test_a_closed_standard_stream_is_no_failure_of_its_own(alone, streams, words):
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" "$@" {streams}', str(KUBEAUTH), *words],
        env=alone.environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == (2 if words[0] == "get-token" else 0)


@not_on_windows("sh closes the streams here")
@pytest.mark.parametrize("kept", [False, True], ids=["at first", "from the record"])
class TestNowhereToWriteTo:
    """A credential that did not arrive is a failure, whichever way it was found."""

    @pytest.fixture
    def shell(self, program, spn, kept):
        if kept:
            assert program.get_token(*spn).status["token"]

        def run(streams):
            words = ["get-token", *program.always, *spn]
            return subprocess.run(
                ["/bin/sh", "-c", f'"$0" "$@" {streams}', str(KUBEAUTH), *words],
                env=program.environ,
                capture_output=True,
                text=True,
                timeout=30,
                stdin=subprocess.DEVNULL,
            )

        return run

    def test_a_closed_stdout(self, shell, kept):
        done = shell("1>&-")
        assert done.returncode == 2 and "error: get-token: stdout is closed" in done.stderr

    def test_a_closed_stdout_and_stderr(self, shell, kept):
        assert shell("1>&- 2>&-").returncode == 2

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    def test_a_full_disk(self, shell, kept):
        done = shell("> /dev/full")
        assert done.returncode == 2 and "No space left on device" in done.stderr
        assert "hint: " in done.stderr
