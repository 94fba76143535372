"""Write the tables of docs/json.md from docs/schemas/*.json: `dev.py docs` runs it.

A test holds the program's outputs against these schemas, and fails while the page is older.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parent
PAGE: Final = DOCS / "json.md"
_PLACE: Final = re.compile(
    r"(<!-- outputs: written by `python3 dev.py docs` -->\n).*?(<!-- end of outputs -->)", re.DOTALL
)
# In the order of the page.
NAMES: Final = (
    "get-token",
    "whoami",
    "token",
    "doctor",
    "clusters",
    "get-credentials",
    "convert-kubeconfig",
    "undo",
    "cache-list",
    "version",
)


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Return the page with a table for each schema."""
    lines = "\n".join(line for name in NAMES for line in _chapter(name))
    return _PLACE.sub(lambda place: f"{place[1]}\n{lines}\n{place[2]}", PAGE.read_text("utf-8"))


def _chapter(name: str) -> Iterator[str]:
    schema = json.loads((DOCS / "schemas" / f"{name}.json").read_text("utf-8"))
    yield f'<a id="{name}"></a>\n\n## {schema["title"]}\n'
    yield f"`{schema['$comment']}`, [schema](schemas/{name}.json)\n"
    yield "| Key | Type | Value |"
    yield "|---|---|---|"
    yield from _rows(schema, "")
    yield ""


def _rows(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Yield a row for each key; a list's keys are those of each of its items."""
    inner = schema.get("items", schema)
    for key, value in inner.get("properties", {}).items():
        kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
        one_of = ": " + ", ".join(f"`{one}`" for one in value["enum"]) if "enum" in value else ""
        yield f"| `{path}{key}` | {' or '.join(kinds)} | {value.get('description', '')}{one_of} |"
        yield from _rows(value, f"{path}{key}{'[]' if 'items' in value else ''}.")


if __name__ == "__main__":
    main()
