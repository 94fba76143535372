"""Files that other processes have open: wait for a moment, and lose nothing."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from harness import Program

from kubeauth.cache.storage.folder import PrivateFolder

pytestmark = pytest.mark.process

# Shorter than a writer or reader waits; seconds.
SHORT = 0.4


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Have ``file`` open for a short time, as an editor or a virus scanner has it."""
    stream = file.open("rb")
    timer = threading.Timer(SHORT, stream.close)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        stream.close()


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    made = PrivateFolder(str(tmp_path / "cache"))
    made.write("a", b"before")
    return made


def test_a_file_that_is_read_is_replaced(folder: PrivateFolder) -> None:
    with held(Path(folder.path, "a")):
        folder.write("a", b"after")
    assert folder.read("a") == b"after"
    assert folder.names() == ["a"]


def test_a_file_that_is_read_is_deleted(folder: PrivateFolder) -> None:
    with held(Path(folder.path, "a")):
        assert folder.delete("a")
    assert folder.names() == []


def test_a_file_that_stays_open_is_an_error(folder: PrivateFolder) -> None:
    with Path(folder.path, "a").open("rb"), pytest.raises(PermissionError):
        folder.write("a", b"after")
    assert folder.read("a") == b"before" and folder.names() == ["a"]


def test_readers_and_writers_at_once(folder: PrivateFolder) -> None:
    end, failures = time.monotonic() + 3, []

    def work(write: bool) -> None:
        while time.monotonic() < end:
            try:
                if write:
                    folder.write("a", b"x" * 1000)
                else:
                    assert folder.read("a") in (b"before", b"x" * 1000)
            except OSError as error:
                failures.append(error)
            time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(n < 2,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def users(sim, count: int) -> str:
    """A kubeconfig with so many users who sign in with kubelogin."""
    blocks = "".join(
        f"- name: u{n}\n  user:\n    exec:\n"
        "      apiVersion: client.authentication.k8s.io/v1beta1\n"
        f"      command: kubelogin\n      args: [get-token, --login, azurecli, --server-id, "
        f"{sim.cluster.server_id}]\n"
        for n in range(count)
    )
    return f"apiVersion: v1\nkind: Config\nusers:\n{blocks}"


@pytest.mark.parametrize("round_", range(3))
def test_eight_conversions_at_once_lose_nothing(
    program: Program, sim, tmp_path: Path, round_: int
) -> None:
    file = tmp_path / "config"
    file.write_text(users(sim, 8))
    base = [*program.command, "convert-kubeconfig", "-l", "azurecli", "--kubeconfig", str(file)]
    children = [
        subprocess.Popen(
            [*base, "--user", f"u{n}"],
            env=program.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for n in range(8)
    ]
    said = [child.communicate(timeout=200)[0] for child in children]
    assert [child.returncode for child in children] == [0] * 8, said
    assert file.read_text().count("kubelogin") == 0 and list(tmp_path.glob("*.lock")) == []


def test_a_kubeconfig_that_is_read_is_converted(program: Program, sim, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(users(sim, 1))
    before, seen, stop = file.read_bytes(), set(), threading.Event()

    def read() -> None:
        while not stop.wait(0.001):
            # In the moment of the replacement Windows refuses to open the file.
            with suppress(PermissionError), file.open("rb") as stream:
                seen.add(stream.read())
                time.sleep(0.01)
            time.sleep(0.01)  # nor can it be replaced while it is open

    reader = threading.Thread(target=read)
    reader.start()
    try:
        ran = program("convert-kubeconfig", "-l", "azurecli", "--kubeconfig", str(file))
    finally:
        stop.set()
        reader.join()
    assert ran.code == 0, ran.stderr
    after = file.read_bytes()
    assert b"kubeauth" in after
    assert before in seen and seen <= {before, after}


def test_the_cache_is_cleared_of_all_but_what_is_open(program: Program, spn) -> None:
    program.get_token(*spn)
    program.get_token(*spn, "--timeout", "50")
    files = sorted(program.cache.iterdir())
    with files[0].open("rb"):
        ran = program("remove-cache-dir")
    assert ran.code == 2 and "cannot clear all of" in ran.stderr
    assert list(program.cache.iterdir()) == files[:1]
    assert program("remove-cache-dir").code == 0 and not program.cache.exists()


def test_a_token_is_renewed_while_another_process_reads_it(program: Program, spn) -> None:
    program.get_token(*spn)
    (file,) = program.cache.glob("*.token.json")
    with held(file):
        ran = program.get_token(*spn, "--force-refresh")
    assert ran.status["token"] and ran.stderr == ""
