"""The reference: built from the docstrings, complete, and not older than they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import kubeauth

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("build_reference", DOCS / "build_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_as_new_as_the_docstrings(builder):
    """Building raises for a public name without a docstring."""
    built = builder.render()
    written = {page.name for page in DOCS.glob("api-*.md")}
    assert written == set(built) - {"reference.md"}
    for page, text in built.items():
        assert (DOCS / page).read_text("utf-8") == text, (
            "run `python docs/build_reference.py`, and look at what has changed"
        )


def test_every_name_is_there(builder):
    built = "\n".join(builder.render().values())
    names = [name for name in kubeauth.__all__ if name not in ("integrations", "AKS_SERVER_ID")]
    assert [name for name in names if f"\n### {name}\n" not in built] == []
    for client in kubeauth.integrations.__all__:
        assert f"\n# kubeauth.integrations.{client}\n" in built
    assert "<" not in built.replace("<class", ""), "no address of an object"


def test_a_name_without_a_docstring_stops_it(builder, monkeypatch):
    monkeypatch.setattr(kubeauth.Chain, "__doc__", None)
    with pytest.raises(builder.Undocumented, match="Chain"):
        builder.render()
