"""The changelog has the version of the program, with its date."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")


def test_the_newest_release_is_this_version() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "Unreleased"
    version, _, date = headings[1].partition(" - ")
    assert version == metadata.version("kubeauth")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", date)
