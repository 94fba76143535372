"""The README is true: its help, its links and its table of logins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import Program

from kubeauth.options.logins import LOGINS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = (ROOT / "docs/commands.md").read_text("utf-8")


def test_the_help_it_shows_is_the_programs(program: Program) -> None:
    block = re.search(r"```text\n\$ kubeauth --help\n(.*?)\n```", COMMANDS, re.DOTALL)
    assert block is not None
    assert block[1].split() == program("--help").stdout.split()


@pytest.mark.parametrize("login", LOGINS)
def test_it_names_every_way_to_sign_in(login: str) -> None:
    assert f"`{login}`" in README
    assert f"`{login}`" in README.partition("## Ways to sign in")[2].partition("## From Python")[0]


PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("login", LOGINS)
def test_the_page_of_logins_has_every_one(login: str) -> None:
    assert f"(login-{login}.md)" in (ROOT / "docs/logins.md").read_text("utf-8")
    page = (ROOT / f"docs/login-{login}.md").read_text("utf-8")
    assert page.startswith(f"# {login}")
    for part in ("## What can go wrong", "## Facts", "kubeauth convert-kubeconfig -l"):
        assert part in page, part
