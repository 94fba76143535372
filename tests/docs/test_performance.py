"""The pages show the numbers that were measured, and the simulated fleet does what they say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def loaded(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["docs/performance.md", "README.md"])
def test_a_page_has_the_numbers_of_the_file(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert "<!-- measured: " in text
    assert loaded("docs/build_performance.py").render(ROOT / page) == text, (
        "run `python3 dev.py docs`"
    )


def test_every_picture_is_shown() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = re.findall(r"[(/]images/([\w-]+\.svg)\)", " ".join(page.read_text() for page in pages))
    assert sorted(shown) == sorted(file.name for file in (ROOT / "docs/images").iterdir())


def test_jitter_and_back_off_keep_a_fleet_from_asking_at_once() -> None:
    fleet = loaded("benchmarks/fleet.py")
    for service in fleet.SERVICES:
        plain, cache, jitter, back_off = (
            fleet.summary(service, policy, 500) for policy in fleet.POLICIES
        )
        assert plain[0] > 10 * back_off[0]
        assert (plain[1], cache[1]) == (500, 500), "together again in one minute"
        assert back_off[1] < 0.5 * cache[1]
        assert back_off[2] < 0.6 * jitter[2]
        assert fleet.summary(service, fleet.POLICIES[-1], 500) == back_off, "the same each time"


@pytest.mark.parametrize("processes", [10, 1_000])  # 100,000 take a minute
def test_token_files_ask_as_often_as_their_page_says(processes: int) -> None:
    fleet = loaded("benchmarks/fleet.py")
    numbers = [
        number
        for service in fleet.SERVICES
        for number in fleet.summary(service, fleet.TOKEN_FILE, processes)
    ]
    row = " | ".join(f"{number:,}" for number in (processes, *numbers))
    assert f"| {row} |" in (ROOT / "docs" / "token-file.md").read_text("utf-8")
