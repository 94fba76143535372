"""The table of Entra ID's codes in docs/errors.md: not older than the hints, and whole."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("build_codes", DOCS / "build_codes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_as_new_as_the_hints(builder):
    assert (DOCS / "errors.md").read_text("utf-8") == builder.render(), "run `python3 dev.py docs`"


def test_every_code_has_one_line_and_one_anchor(builder):
    anchors = re.findall(r'<a id="aadsts(\d+)"></a>', builder.render())
    assert len(anchors) > 95 and len(set(anchors)) == len(anchors)
