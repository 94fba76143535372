"""The facts on the pages of logins are as new as the program's tables."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from kubeauth.options.logins import LOGINS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_logins", DOCS / "build_logins.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_page_is_older_than_the_tables(builder: ModuleType) -> None:
    for page in builder.pages():
        assert page.read_text("utf-8") == builder.render(page), "run `python3 dev.py docs`"


@pytest.mark.parametrize("login", LOGINS)
def test_its_page_has_facts(login: str) -> None:
    page = (DOCS / f"login-{login}.md").read_text("utf-8")
    assert f"<!-- facts: {login}" in page
    assert "| Needs | `--server-id`" in page
