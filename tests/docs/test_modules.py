"""The architecture page: its list of modules is the code's, its order of rooms the tests'."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from test_architecture import ROOMS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_list_of_modules_is_as_new_as_the_docstrings():
    spec = importlib.util.spec_from_file_location("build_modules", DOCS / "build_modules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "architecture.md").read_text("utf-8")
    assert page == module.render(), "run `python3 dev.py docs`"
    assert "kubeauth/cache" in module.render()


def test_the_order_of_rooms_is_the_one_that_holds():
    text = " ".join((DOCS / "architecture.md").read_text("utf-8").split())
    order = text.partition("From the ground up: ")[2].partition(". `kubeauth.testing`")[0]
    assert order.split(", ") == list(ROOMS)
