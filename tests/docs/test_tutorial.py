"""The tutorial, followed to the letter."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BIN, basic_environ

PAGE = (Path(__file__).parents[2] / "docs/tutorial.md").read_text("utf-8")
pytestmark = [pytest.mark.process, pytest.mark.e2e]


def steps() -> list[tuple[bool, str]]:
    """Return each block that is to be pasted, and whether it fails."""
    found = re.findall(r"<!-- run(: fails)? -->\n\n((?:    .*\n)+)", PAGE)
    return [(bool(fails), re.sub(r"^    ", "", block, flags=re.M)) for fails, block in found]


def test_each_step_does_what_the_page_says(tmp_path: Path) -> None:
    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "kubeauth.testing"], stdout=subprocess.PIPE, text=True
    ) as world:
        assert world.stdout is not None
        try:
            exports = []
            while not (line := world.stdout.readline()).startswith("#"):
                exports.append(line)
            environ = basic_environ(tmp_path)
            environ["PATH"] = os.pathsep.join([str(BIN), "/usr/bin", "/bin"])
            for fails, block in steps():
                done = subprocess.run(
                    ["bash", "-e", "-c", "".join([*exports, block])],
                    env=environ,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                assert (done.returncode != 0) == fails, (block, done.stderr)
                said.append(done.stdout + done.stderr)
        finally:
            world.send_signal(signal.SIGINT)
    converted, first, second, kept, whoami, failed, _ = said
    assert re.search(r"kubelogin devicecode +kubeauth spn", converted)
    assert "node-0" in first and first.split()[:4] == second.split()[:4]
    assert re.search(r"^\* ", kept, re.MULTILINE)
    assert "Username" in whoami
    lines = failed.splitlines()
    assert lines[0].startswith("error: ") and lines[1].startswith("hint: ")
