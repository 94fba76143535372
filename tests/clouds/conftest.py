"""Nothing here reaches a server, so no authority is needed; to load the system's takes long."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give OpenSSL, which reads these variables itself, an empty file and no folder."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
