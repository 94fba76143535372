"""The terminals in the documentation show what the programs print today."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = sorted(file.name for file in (ROOT / "docs/images").glob("terminal-*.svg"))
pytestmark = [pytest.mark.process, pytest.mark.e2e]


def words(picture: Path) -> list[str]:
    """Return the text of a picture, without what differs each time: the code and ages."""
    drawn = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text("utf-8"))
    text = html.unescape(" ".join(drawn)).replace("\xa0", " ")
    return re.sub(r"\b[A-Z0-9]{9}\b|\b\d+s\b", "", text).split()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    command = [sys.executable, ROOT / "docs/build_recordings.py", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_what_happens(fresh: Path, name: str) -> None:
    assert words(fresh / name) == words(ROOT / "docs/images" / name), (
        "run .venv/bin/python docs/build_recordings.py"
    )
    assert "signed in as dana@contoso.example" in " ".join(words(fresh / name))


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_asks_no_other_host(name: str) -> None:
    text = (ROOT / "docs/images" / name).read_text("utf-8")
    assert "url(http" not in text and "<image" not in text and "<script" not in text
