"""``kubeauth remove-cache-dir``: ours goes, everything else stays."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.process

FOREIGN = ("config", "token.json", "notes.token.txt", "a.json", ".hidden", "sub/deeper.json")


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_removes_what_a_sign_in_left(program, sim, spn):
    program.get_token(*spn)
    assert files(program.cache)
    ran = program("remove-cache-dir")
    assert ran.code == 0 and ran.stderr == ""
    assert "1 token" in ran.stdout and str(program.cache) in ran.stdout.replace("/", os.sep)
    assert not program.cache.exists(), "and the empty folder"
    sim.requests.clear()
    assert program.get_token(*spn).status["token"]
    assert sim.requests.count(service="entra") > 0


def test_leaves_foreign_files_alone(program, spn):
    program.get_token(*spn)
    put(program.cache, *FOREIGN)
    assert program("remove-cache-dir").code == 0
    assert files(program.cache) == set(FOREIGN)


def test_leaves_foreign_files_of_a_shared_folder_alone(program, spn, tmp_path):
    shared = tmp_path / "shared"
    put(shared, *FOREIGN)
    shared.chmod(0o755)
    program.get_token(*spn, "--cache-dir", str(shared))
    assert files(shared) > set(FOREIGN)
    assert program("remove-cache-dir", "--cache-dir", str(shared)).code == 0
    assert files(shared) == set(FOREIGN)


def test_removes_the_remains_of_a_killed_write(program, spn):
    program.get_token(*spn)
    (program.cache / ".kubeauth-abc123").write_text("half a tok")
    program("remove-cache-dir")
    assert not program.cache.exists()


@pytest.mark.parametrize("name", ["remove-cache-dir", "remove-tokens"])
@pytest.mark.parametrize("flag", ["--cache-dir", "--token-cache-dir"])
def test_an_absent_folder_is_a_clean_one(program, tmp_path, name, flag):
    ran = program(name, flag, str(tmp_path / "none"))
    assert ran.code == 0, ran.stderr
    assert not (tmp_path / "none").exists()


def test_the_variable_names_the_folder_too(program, spn, tmp_path):
    place = {"KUBEAUTH_CACHE_DIR": str(tmp_path / "own")}
    program.get_token(*spn, **place)
    assert files(tmp_path / "own")
    assert program("remove-cache-dir", **place).code == 0
    assert not (tmp_path / "own").exists()


def test_a_file_in_the_folders_place_is_left_as_it_is(program, tmp_path):
    (tmp_path / "file").write_text("mine")
    ran = program("remove-cache-dir", "--cache-dir", str(tmp_path / "file"))
    assert ran.code in (0, 2) and "Traceback" not in ran.stderr
    assert (tmp_path / "file").read_text() == "mine"
