"""Write the measured numbers into docs/performance.md and README.md: `dev.py docs` runs it.

They come from benchmarks/results.json, which `benchmarks/measure.py --write` makes. A test fails
while a page differs from that file.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results.json"
PAGES: Final = (ROOT / "docs" / "performance.md", ROOT / "README.md")
_PLACE: Final = re.compile(
    r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end of measured -->)", re.DOTALL
)
_HEAD: Final = "| | wall clock, ms | processor, ms | ratio |\n|---|---:|---:|---:|\n"
# Key in the results, the title in the README.
_README: Final = (
    ("hit", "A cached token"),
    ("spn", "A first sign-in, spn"),
    ("workloadidentity", "… workloadidentity"),
    ("msi", "… msi"),
    ("azurecli", "… azurecli, without the tool's own time"),
    ("person", "A person's renewal, encrypted session"),
    ("fifty", "Fifty first calls at once"),
    ("two-hundred", "Two hundred at once, four identities"),
    ("kubectl", "`kubectl get nodes`"),
)


def main() -> None:
    """Write both pages."""
    for page in PAGES:
        page.write_text(render(page), encoding="utf-8")


def render(page: Path) -> str:
    """Return the page with the numbers as they should be."""
    results = json.loads(RESULTS.read_text("utf-8"))
    text = page.read_text("utf-8")
    return _PLACE.sub(lambda place: f"{place[1]}{_part(place[2], results)}{place[3]}", text)


def _part(name: str, results: dict[str, Any]) -> str:
    if name == "machine":
        return f"{results['machine']}; medians of {results['rounds']} runs in turn.\n"
    if name == "memory":
        rows = [f"| {row['name']} | {row['peak']} |\n" for row in results[name]]
        return "| | MB |\n|---|---:|\n" + "".join(rows)
    if name == "readme":
        lines = [
            _line(row, title)
            for key, title in _README
            for row, title in _titled(results[key], title)
        ]
        return "| " + _HEAD.replace("|---|", "|---|---|") + "".join(lines)
    return _HEAD + "".join(_line(row) for row in results[name])


def _titled(rows: list[dict[str, Any]], title: str) -> list[tuple[dict[str, Any], str]]:
    return [(row, title if row is rows[0] else " ") for row in rows]


def _line(row: dict[str, Any], title: str = "") -> str:
    first = f"| {title} " if title else ""
    name = row["name"]
    if "requests" in row:
        name += f" ({row['requests']} token request{'s' if row['requests'] > 1 else ''} in all)"
    return f"{first}| {name} | {row['wall']} | {row['cpu']} | {row['ratio']:.2f} |\n"


if __name__ == "__main__":
    main()
