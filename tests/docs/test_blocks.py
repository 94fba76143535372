"""Every command block of the pages is pasted, in the order of its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import approving, not_on_windows
from reader import Block, Reader, blocks, fits

from kubeauth.testing import Simulator

ROOT = Path(__file__).parents[2]
# Pages whose blocks test_tutorial.py and test_tutorials.py run; the last two are about this
# repository.
ELSEWHERE = {
    "tutorial.md",
    "tutorial-pipeline.md",
    "tutorial-pod.md",
    "tutorial-operator.md",
    "performance.md",
    "architecture.md",
}
FILES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    ROOT / "README.md",
]
PAGES = {
    page.relative_to(ROOT).as_posix(): found
    for page in FILES
    if page.name not in ELSEWHERE and (found := list(blocks(page)))
}


@pytest.fixture(scope="module")
def azure(simulator: Simulator) -> None:
    """The machine has a managed identity; the simulator keeps it from test to test."""
    simulator.add_managed_identity(system_assigned=True)


@not_on_windows("the blocks are for a POSIX shell")
@pytest.mark.slow
@pytest.mark.process
@pytest.mark.usefixtures("azure")
@pytest.mark.parametrize("page", PAGES)
def test_each_block_does_what_its_page_says(page: str, sim: Simulator, tmp_path: Path) -> None:
    reader = Reader(sim, tmp_path, sim.tenant.add_application("pipeline"))
    wrong = []
    with approving(sim, reader.dana):
        for block in PAGES[page]:
            if not block.skipped:
                wrong += problems(reader, block)
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def problems(reader: Reader, block: Block) -> list[str]:
    """Return what differs from the page, for each command of a block."""
    found = []
    for command, shown in block.commands:
        code, seen = reader.paste(block, command)
        fails = block.fails or "error: " in (shown or "")
        place = f"{block.page}:{block.line}: {command}"
        if (code != 0) != fails:
            found.append(f"{place}\nended with {code}:\n{seen}")
        elif shown is not None and not any(fits(s, seen) for s in (shown, reader.names(shown))):
            found.append(f"{place}\nshown:\n{shown}seen:\n{seen}")
    return found


def test_what_is_not_run_says_why() -> None:
    skipped = [block for page in PAGES.values() for block in page if block.skipped]
    assert [block for block in skipped if len(block.skipped.split()) < 3] == []
