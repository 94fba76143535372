"""Lint the prose of all pages: `dev.py check` runs it.

proselint looks for cliches, doubled words, spelling of names and the like; a list of our own for
words that have a plainer one. Code, tables and comments are left out, and lines keep their numbers.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
# Pages that are made of docstrings, which ruff looks at.
_FROM_CODE: Final = ("api-", "architecture")
# Words that have a shorter or plainer one, and the one to use.
PLAINER: Final = {
    "utilize": "use",
    "leverage": "use",
    "in order to": "to",
    "prior to": "before",
    "subsequently": "then",
    "functionality": "what it does",
    "please note": "(nothing)",
    "simply": "(nothing)",
    "obviously": "(nothing)",
    "e.g.": "for example",
    "i.e.": "that is",
    "via": "through",
    "whilst": "while",
    "its kin": "the related ones",
    "none of ours": "not ours",
}
_LEFT_OUT: Final = (
    re.compile(r"^```.*?^```|<!--.*?-->|<a id[^>]*></a>", re.DOTALL | re.MULTILINE),
    re.compile(r"^    .*$|^\|.*$|^#.*$", re.MULTILINE),
    re.compile(r"(?<=\])\([^)]*\)"),
)


def pages() -> list[Path]:
    """Return every page with prose, those of the examples too."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/**/*.md")]
    return sorted(page for page in found if not page.name.startswith(_FROM_CODE))


def main() -> int:
    """Print each finding with its place; return 1 if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        for page in pages():
            copy = Path(folder, page.relative_to(ROOT))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(prose(page.read_text("utf-8")), "utf-8")
        shutil.copy(ROOT / "docs" / "proselint.json", Path(folder, ".proselintrc.json"))
        command = [sys.executable, "-m", "proselint", "check", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        found = done.stdout.replace(str(Path(folder).resolve()), str(ROOT)) + done.stderr
    found += "".join(f"{line}\n" for line in _long_words())
    sys.stdout.write(found)
    return 1 if found else 0


def prose(text: str) -> str:
    """Return a page with a full stop and blanks in place of all that is no prose."""
    for left_out in _LEFT_OUT:
        text = left_out.sub(lambda match: "." + re.sub(r"[^\n]", " ", match[0])[1:], text)
    numbers = iter(range(10**6))
    # Names in code differ, so that two of them in turn are no doubled word.
    return re.sub(r"`[^`\n]*`", lambda match: f"x{next(numbers)}".ljust(len(match[0]), "x"), text)


def _long_words() -> Iterator[str]:
    for page in pages():
        for number, line in enumerate(prose(page.read_text("utf-8")).splitlines(), 1):
            for word, use in PLAINER.items():
                if re.search(rf"\b{re.escape(word)}(?!\w)", line, re.IGNORECASE):
                    place = f"{page.relative_to(ROOT)}:{number}"
                    yield f"{place}: {word!r} has a plainer word: {use}"


if __name__ == "__main__":
    sys.exit(main())
