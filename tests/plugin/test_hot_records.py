"""What is left for the fast path, and how often one caller may cause a new token."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.tokens import CachedToken
from kubeauth.token import AccessToken
from kubeauth_plugin.hot_records import CallerHistory, leave_record

NOW = 1_700_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder(tmp_path / "cache")


def judged_from(folder: PrivateFolder) -> float:
    content = folder.read("d.asked")
    assert content is not None
    return float(content.split(b"\n")[1].split()[0])


@pytest.mark.parametrize(
    ("renewals", "pause"),
    [(0, 10), (1, 20), (2, 40), (3, 80), (4, 160), (5, 320), (6, 320), (60, 320)],
)
def test_the_pause_doubles_with_each_new_token(
    folder: PrivateFolder, renewals: int, pause: int
) -> None:
    kept = CachedToken(AccessToken("t", int(NOW) + 3600), NOW)
    CallerHistory("d", "caller", times=1, renewals=renewals).note(folder, kept, NOW, renewed=True)
    assert judged_from(folder) == NOW + pause


def test_a_call_without_a_new_token_does_not_shorten_the_pause(folder: PrivateFolder) -> None:
    kept = CachedToken(AccessToken("t", int(NOW) + 3600), NOW)
    history = CallerHistory("d", "caller", judged_from=NOW + 80, times=3, renewals=3)
    history.note(folder, kept, NOW, renewed=False)
    assert judged_from(folder) == NOW + 80


@pytest.mark.parametrize(("name", "left"), [("profile.json", True), ("a\nb", False)])
def test_no_record_names_a_file_with_a_line_break(
    folder: PrivateFolder, tmp_path: Path, name: str, left: bool
) -> None:
    """Its second line would be read as another file's, and the credential as later than it is."""
    kept = CachedToken(AccessToken("t", int(time.time()) + 3600), time.time())
    leave_record(folder, "d", b"{}", kept, [tmp_path / name], ahead=False)
    assert (folder.read("d.hot") is not None) is left
