"""What commands print: any text in any encoding, and tables that fit the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import not_on_windows

pytestmark = pytest.mark.process

IDS = ["--server-id", "s", "--client-id", "c", "--tenant-id", "t"]
NAME = "ops-日本-ß-😀"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    user = {"exec": {"command": "kubelogin", "args": ["get-token", *IDS]}}
    text = {
        "users": [{"name": NAME, "user": user}, {"name": "wide" * 20, "user": {"token": "x"}}],
        "contexts": [{"name": NAME, "context": {"cluster": "c", "user": NAME}}],
    }
    place = tmp_path / "config"
    place.write_text(json.dumps(text, ensure_ascii=False), "utf-8")
    return place


def command(tmp_path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    # The installed command ignores PYTHON variables on Linux; Windows has such encodings itself.
    return subprocess.run(
        [sys.executable, "-m", "kubeauth", *words],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "ascii:strict", "cp437", "koi8-r"])
class TestEncodings:
    def test_a_report_and_a_difference(self, file: Path, tmp_path: Path, encoding: str) -> None:
        words = ["convert-kubeconfig", "--kubeconfig", str(file), "--diff", "--qr", "-l", "msi"]
        done = command(tmp_path, *words, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        name = encoding.partition(":")[0]
        assert NAME.encode(name, "backslashreplace") in done.stdout
        assert b"Traceback" not in done.stderr
        assert b"1 converted, 1 skipped" in done.stdout.splitlines()[-1]

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["get-token", "--explain", "--login-hint", NAME], 0),
            (["get-token", "-l", "spn", "--server-id", "s", "--tenant-id", NAME], 2),
            (["get-token", "-l", NAME], 2),
            (["login", "--context", NAME], 9),
            (["logout", "--cache-dir", "/tmp/" + NAME, "--all"], 0),
            (["remove-cache-dir", "--cache-dir", "/tmp/" + NAME], 0),
            (["cache", "list", "--cache-dir", "/tmp/" + NAME], 0),
        ],
        ids=lambda value: value[0] if isinstance(value, list) else "",
    )
    def test_every_command(
        self, tmp_path: Path, encoding: str, words: list[str], code: int
    ) -> None:
        done = command(tmp_path, *words, PYTHONIOENCODING=encoding)
        assert done.returncode == code, done.stderr
        assert b"Traceback" not in done.stderr and b"unexpected failure" not in done.stderr


@not_on_windows("names of files there are text")
def test_a_file_name_that_is_no_text(tmp_path: Path, file: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/c\xff"
    os.rename(file, odd)
    done = subprocess.run(
        [sys.executable, "-m", "kubeauth", "convert-kubeconfig", "--kubeconfig", odd],
        env={"HOME": "/", "PATH": "/usr/bin"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert b"c\\udcff" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="terminals are made with pty here")
class TestWidth:
    def shown(self, file: Path, columns: int, *words: str) -> list[str]:
        """Return the lines that a terminal of so many columns gets."""
        import fcntl
        import pty
        import struct
        import termios

        mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        base = ["-m", "kubeauth", "convert-kubeconfig", "--kubeconfig", str(file), "--dry-run"]
        subprocess.run(
            [sys.executable, *base, *words],
            env={"HOME": "/nowhere", "PATH": "/usr/bin", "PYTHONUTF8": "1"},
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
        os.close(theirs)
        content = b""
        try:
            while more := os.read(mine, 65536):
                content += more
        except OSError:  # the end of a terminal, on Linux
            pass
        os.close(mine)
        return content.decode().splitlines()

    @pytest.mark.parametrize("columns", [56, 72, 90, 120])
    def test_a_table_fits(self, file: Path, columns: int) -> None:
        place, *table = self.shown(file, columns)[1:-1]
        assert str(file).startswith(place) and ("…" in "".join(table) or columns > 100)
        whole = " ".join(" ".join(line.split()) for line in table)
        assert "skipped: a static token (a local account)" in whole
        # A Japanese character and an emoji take two places each.
        assert all(len(line) + 3 * (NAME[:6] in line) <= columns for line in table), table

    def test_a_wide_terminal_shortens_nothing(self, file: Path) -> None:
        shown = self.shown(file, 500)
        assert "wide" * 20 in "".join(shown) and "…" not in "".join(shown)

    def test_json_is_whole(self, file: Path) -> None:
        rows = json.loads("".join(self.shown(file, 40, "-o", "json")))
        assert rows[1]["user"] == "wide" * 20

    def test_a_pipe_gets_everything(self, file: Path, tmp_path: Path) -> None:
        words = ["convert-kubeconfig", "--kubeconfig", str(file), "--dry-run"]
        done = command(tmp_path, *words, COLUMNS="40", PYTHONUTF8="1")
        assert ("wide" * 20).encode() in done.stdout
