"""Write the tables of docs/reliability.md: `python docs/build_reliability.py`.

The tests in tests/reliability record docs/reliability.json (`pytest tests/reliability --run-slow
--record`), and fail while it is not what happens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER / "reliability.md"
RECORDED: Final = FOLDER / "reliability.json"
TABLES: Final = ("network", "disk", "process")
END: Final = "<!-- end of faults -->"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Return the page with its tables as they should be."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    for name in TABLES:
        before, begin, rest = page.partition(f"<!-- faults: {name} -->\n")
        _, end, after = rest.partition(END)
        page = "".join([before, begin, *_table(recorded[name]), end, after])
    return page


def _table(faults: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of one table: a fault each."""
    victims = sorted({victim for cells in faults.values() for victim in cells})
    yield f"| | {' | '.join(victims)} |\n"
    yield f"|---|{'---|' * len(victims)}\n"
    for fault, cells in sorted(faults.items(), key=lambda item: item[0].lower()):
        yield f"| {fault} | {' | '.join(cells[victim] for victim in victims)} |\n"


if __name__ == "__main__":
    main()
