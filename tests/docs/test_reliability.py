"""docs/reliability.md: not older than what the tests have recorded, and whole."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location(
        "build_reliability", DOCS / "build_reliability.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_as_new_as_the_cells(builder):
    page = (DOCS / "reliability.md").read_text("utf-8")
    assert page == builder.render(), "run `python3 dev.py docs`"


def test_no_cell_is_missing(builder):
    recorded = json.loads((DOCS / "reliability.json").read_text())
    assert set(recorded) == set(builder.TABLES)
    for faults in recorded.values():
        victims = {victim for cells in faults.values() for victim in cells}
        assert all(set(cells) == victims for cells in faults.values())
