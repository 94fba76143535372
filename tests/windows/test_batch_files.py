"""Arguments of batch files, which cmd.exe reads: each arrives as it is, and none is a command."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from harness import Program, install_program, is_wine, until

from kubeauth.adapters.browsers import open_browser
from kubeauth.adapters.programs import run_program

pytestmark = pytest.mark.process

# Prints its arguments, and writes them to a file beside it.
ECHO = """
import json, os, sys
text = json.dumps(sys.argv[1:])
with open(sys.argv[0] + ".new", "w") as file:
    file.write(text)
os.replace(sys.argv[0] + ".new", sys.argv[0] + ".seen")
print(text)
"""
IN_QUOTES = (
    *("a&b", "a b&c", "a|b<c>d", "a^b", "(a)", "a,b;c=d", "!PATH!", 'say "a&b"', '"&echo.>made&"'),
    *("", "*", "/?", "C:\\a b\\", "back\\", 'a\\"b', "Ünï 🚀"),
)
# In a batch file, Wine reads the text of an argument once more; Windows does not.
PERCENT = ("%PATH%", "50%", "%CMDCMDLINE:~-1%&echo.>made&", "https://a/?b=c%3A%2F%2Fd%26&e")


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return install_program(tmp_path / "of a tool", "echo", ECHO)


@pytest.mark.parametrize("ending", [".cmd", ".bat", ".CMD"])
def test_arguments_of_a_batch_file(echo: Path, tmp_path: Path, ending: str) -> None:
    batch = echo.replace(echo.with_suffix(ending))
    words = [*IN_QUOTES, *(() if is_wine() else PERCENT)]
    done = run_program([str(batch), *words], environ=dict(os.environ), limit=100)
    assert json.loads(done.stdout) == words
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("word", ["a\nb", "a\r\nb"])
def test_a_line_end_has_no_quotes(echo: Path, word: str) -> None:
    with pytest.raises(OSError, match="no argument with a line end"):
        run_program([str(echo), word], environ=dict(os.environ), limit=100)


@pytest.mark.parametrize("command", ['"{}" %s', '"{}"', '"{}" --new %s'])
def test_a_browser_gets_the_whole_address(echo: Path, command: str) -> None:
    address = "https://login.example/authorize?client_id=a&scope=b+c&state=d"
    if not is_wine():
        address += "&redirect_uri=http%3A%2F%2Flocalhost%3A8400"
    process = open_browser(address, {**os.environ, "BROWSER": command.format(echo)})
    assert isinstance(process, subprocess.Popen) and process.wait(100) == 0
    seen = json.loads((echo.parent / "echo.py.seen").read_text())
    assert seen == [*(["--new"] if "--new" in command else []), address]


def test_a_program_that_a_token_file_starts(program: Program, spn, app, echo: Path) -> None:
    """It is taken from PATH and not from the current folder, and gets its arguments as they are."""
    planted = install_program(Path.cwd(), "echo", "open('planted', 'w').close()\n")
    program.environ["PATH"] = f"{echo.parent};{program.environ['PATH']}"
    ran = program(
        *("token-file", "--output", "token", *program.always, *spn),
        *("--exec", "--", "echo", "a&b", "c d"),
    )
    assert ran.code == 0, ran.stderr
    until((echo.parent / "echo.py.seen").exists)
    assert json.loads((echo.parent / "echo.py.seen").read_text()) == ["a&b", "c d"]
    assert planted.exists() and not Path("planted").exists()
