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
# The README's sentence; the numbers are ratios of processor time.
_SENTENCE: Final = (
    "A cached token costs {hit} times the start of Python. A first sign-in with a secret costs "
    "{spn} of what azure-identity takes. Fifty first calls at once make {fifty} token request in "
    "all. [docs/performance.md](docs/performance.md) has all numbers, and how to repeat them.\n"
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
    if name == "line":
        requests = next(row["requests"] for row in results["fifty"] if "requests" in row)
        ratios = {key: _ratio(results[key]) for key in ("hit", "spn")}
        return _SENTENCE.format(**ratios, fifty="one" if requests == 1 else requests)
    return _HEAD + "".join(_line(row) for row in results[name])


def _ratio(rows: list[dict[str, Any]]) -> str:
    """Return kubeauth's ratio to the first row."""
    return next(f"{row['ratio']:.2f}" for row in rows if row["name"].startswith("kubeauth"))


def _line(row: dict[str, Any]) -> str:
    name = row["name"]
    if "requests" in row:
        name += f" ({row['requests']} token request{'s' if row['requests'] > 1 else ''} in all)"
    return f"| {name} | {row['wall']} | {row['cpu']} | {row['ratio']:.2f} |\n"


if __name__ == "__main__":
    main()
