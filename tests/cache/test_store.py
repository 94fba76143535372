"""Where the cache's bytes go: a folder, this process's memory, or nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeauth.cache.storage.store import Store
from kubeauth.errors import SettingsError


@pytest.fixture
def warnings() -> list[str]:
    return []


def test_without_a_storage_nothing_is_kept_and_nobody_is_warned(
    tmp_path: Path, warnings: list[str]
) -> None:
    store = Store(tmp_path, "none", warnings.append)
    assert store.write("token", b"t") is False
    assert store.read("token") is None and store.names() == []
    assert list(tmp_path.iterdir()) == [] and warnings == []


def test_memory_is_shared_in_the_process_and_leaves_no_file(
    tmp_path: Path, warnings: list[str]
) -> None:
    assert Store(tmp_path, "memory", warnings.append).write("token", b"t") is False
    again = Store(tmp_path, "memory", warnings.append)
    assert again.read("token") == b"t" and again.names() == ["token"]
    assert Store(tmp_path / "other", "memory", warnings.append).read("token") is None
    assert list(tmp_path.iterdir()) == [] and warnings == []
    assert again.delete("token") and again.read("token") is None and not again.delete("token")


@pytest.mark.parametrize("storage", ["", "auto", "keyring", "file"])
def test_a_folder_keeps_files(tmp_path: Path, warnings: list[str], storage: str) -> None:
    store = Store(tmp_path / "cache", storage, warnings.append)
    assert store.write("token", b"t") is True
    assert Store(tmp_path / "cache", "file", warnings.append).read("token") == b"t"
    assert store.names() == ["token"] and warnings == []
    assert store.delete("token") and not store.delete("token")


def test_a_folder_that_cannot_be_used_makes_way_for_memory_with_one_warning(
    tmp_path: Path, warnings: list[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    store = Store(blocked / "cache", "file", warnings.append)
    assert store.write("first", b"1") is False and store.write("second", b"2") is False
    assert (store.read("first"), store.read("second")) == (b"1", b"2")
    assert len(warnings) == 1 and "--cache-storage none" in warnings[0]


def test_quiet_writes_warn_nobody(tmp_path: Path, warnings: list[str]) -> None:
    store = Store(None, "file", warnings.append)
    assert store.write("token", b"t", quiet=True) is False and warnings == []
    store.write("token", b"t")
    assert len(warnings) == 1 and "no home folder" in warnings[0]


def test_an_unknown_storage_is_an_error(tmp_path: Path, warnings: list[str]) -> None:
    with pytest.raises(SettingsError, match="'attic'") as caught:
        Store(tmp_path, "attic", warnings.append)
    assert "auto, keyring, file, memory, none" in caught.value.hint
