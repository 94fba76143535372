"""Cells of the fault matrix: run one, judge it, and compare it with docs/reliability.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from reliability.cells import Outcome

RECORDED = Path(__file__).resolve().parents[2] / "docs" / "reliability.json"


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Callable[[str, str, str, Outcome], None]:
    """Compare a cell's outcome with the page's, or write it down with ``--record``."""

    def judge(table: str, fault: str, victim: str, outcome: Outcome) -> None:
        outcome.check()
        if not request.config.getoption("--record"):
            recorded = json.loads(RECORDED.read_text())
            assert recorded[table][fault][victim] == outcome.word, "run it with --record"
            return
        with FileLock(f"{RECORDED}.lock"):
            recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
            recorded.setdefault(table, {}).setdefault(fault, {})[victim] = outcome.word
            RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")

    return judge
