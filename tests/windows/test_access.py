"""A cache outside the profile: only this user may open it, by its access control list."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Program

from kubeauth.cache.storage.folder import NotPrivate, PrivateFolder
from kubeauth.cache.storage.windows_access import is_private_folder, make_private_folder
from kubeauth.files import undisturbed

pytestmark = pytest.mark.process


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder outside the profile, which other users may read."""
    folder = Path(os.environ["SYSTEMDRIVE"] + "\\", f"kubeauth-test-{secrets.token_hex(8)}")
    folder.mkdir()
    yield folder
    undisturbed(lambda: shutil.rmtree(folder))


def test_a_folder_of_the_profile_is_private(tmp_path: Path) -> None:
    assert is_private_folder(str(tmp_path)) and is_private_folder(os.path.expanduser("~"))


def test_a_new_folder_of_ours_is_private(outside: Path) -> None:
    assert not is_private_folder(str(outside))
    make_private_folder(str(outside / "mine"))
    assert is_private_folder(str(outside / "mine"))
    with pytest.raises(FileExistsError):
        make_private_folder(str(outside / "mine"))


def test_a_cache_in_a_shared_folder_has_one_of_its_own(outside: Path) -> None:
    folder = PrivateFolder(str(outside))
    folder.write("a", b"secret")
    assert sorted(outside.iterdir()) == [outside / "kubeauth"]
    assert is_private_folder(str(outside / "kubeauth")) and folder.read("a") == b"secret"


def test_one_that_somebody_else_could_have_made_is_refused(outside: Path) -> None:
    (outside / "kubeauth").mkdir()
    with pytest.raises(NotPrivate):
        PrivateFolder(str(outside)).write("a", b"secret")
    assert list((outside / "kubeauth").iterdir()) == []


@pytest.mark.parametrize("below", ["", "new", "new\\deeper"])
def test_the_command_has_hits_there(program: Program, sim, spn, outside: Path, below: str) -> None:
    place = ("--cache-dir", str(outside / below))
    first = program.get_token(*spn, *place)
    assert first.status["token"] and first.stderr == ""
    assert len(list(outside.rglob("*.hot"))) == 1
    sim.requests.clear()
    assert program.get_token(*spn, *place).status == first.status
    assert sim.requests.count(service="entra") == 0
