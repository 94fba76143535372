"""The pages are easy to read: short sentences, a low grade. `dev.py check` looks at the words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# api-*.md are made of docstrings, architecture.md also of the list of modules; they are for those
# who work on code.
PAGES = [
    *(p for p in sorted((ROOT / "docs").glob("*.md")) if not p.name.startswith(("api-", "arch"))),
    *(ROOT / name for name in ("README.md", "SECURITY.md")),
]


def paragraphs(page: Path) -> list[str]:
    """Return a page's sentences, each paragraph a text, without code, tables and headings."""
    text = page.read_text("utf-8")
    for left_out in (
        re.compile(r"```.*?```|<!--.*?-->|<a id[^>]*></a>", re.DOTALL),
        re.compile(r"^    .*$|^\|.*$|^#.*$", re.MULTILINE),
    ):
        text = left_out.sub("", text)
    text = re.sub(r"^\s*(?:[-*]|\d+\.) (.*)", r"\n\1", text, flags=re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "name", text).replace("**", "")
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def sentences(page: Path) -> list[str]:
    return [each for part in paragraphs(page) for each in re.split(r"(?<=[.!?:;]) +", part)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
class TestPage:
    def test_no_sentence_is_longer_than_25_words(self, page: Path) -> None:
        assert [each for each in sentences(page) if len(each.split()) > 25] == []

    def test_its_grade_is_under_10(self, page: Path) -> None:
        """The automated readability index: years of school in the United States."""
        import textstat  # it takes a second, which the other workers need not wait for

        text = " ".join(part if part[-1] in ".!?" else f"{part}." for part in paragraphs(page))
        assert textstat.automated_readability_index(text) < 10
