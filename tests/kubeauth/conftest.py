"""A place in which every login can sign in; see logins.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from logins import Place

from kubeauth.testing import Simulator


@pytest.fixture
def place(sim: Simulator, tmp_path: Path) -> Place:
    return Place(sim, tmp_path)
