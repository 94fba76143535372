"""The documentation site: it builds without a warning, has every page, and asks no other host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
# One worker builds the site for all of them.
pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.xdist_group("site")]


class Requests(HTMLParser):
    """Collects what a browser fetches by itself, and the links that a reader can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.alternatives: list[str | None] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids.add(values.get("id") or "")
        if tag in ("script", "img", "iframe", "source", "video"):
            self.fetched.append(values.get("src") or "")
        if tag == "img":
            self.alternatives.append(values.get("alt"))
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev", "alternate"):
            self.fetched.append(values.get("href") or "")
        if tag == "a":
            self.links.append(values.get("href") or "")


def pages() -> list[str]:
    """Return every page that the navigation names."""

    def leaves(part: Any) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        else:
            for inner in part.values() if isinstance(part, dict) else part:
                yield from leaves(inner)

    return list(
        leaves(tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"])
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("documentation") / "site"
    command = [sys.executable, ROOT / "docs" / "build_site.py", target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def built(site: Path) -> dict[str, Requests]:
    """Each page of the site, read."""
    read = {}
    for file in site.rglob("*.html"):
        read[file.relative_to(site).as_posix()] = parser = Requests()
        parser.feed(file.read_text("utf-8"))
    return read


def test_every_page_is_in_the_navigation(built: dict[str, Requests]) -> None:
    written = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert written - set(pages()) == set()
    for page in pages():
        name = page.removesuffix(".md")
        assert ("index.html" if name == "index" else f"{name}/index.html") in built


def test_it_asks_no_other_host(built: dict[str, Requests]) -> None:
    for name, page in built.items():
        for address in page.fetched:
            assert not re.match(r"(https?:)?//", address), (name, address)


def test_every_link_on_it_leads_somewhere(site: Path, built: dict[str, Requests]) -> None:
    for name, page in built.items():
        if name == "404.html":
            continue
        here = (site / name).parent
        for link in page.links:
            path, _, fragment = link.partition("#")
            if not link or ":" in path or path.startswith("/"):
                continue
            target = (here / path).resolve() if path else site / name
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), (name, link)
            if fragment and target.suffix == ".html":
                found = built[target.relative_to(site).as_posix()].ids
                assert fragment in found, (name, link)


def test_every_picture_has_words(built: dict[str, Requests]) -> None:
    assert all(words for page in built.values() for words in page.alternatives)


def test_search_needs_no_server(site: Path) -> None:
    assert "700024" in (site / "search.json").read_text("utf-8")
