"""Command lines for Windows: programs split theirs by one rule, batch files by another."""

from __future__ import annotations

import subprocess

import pytest

from kubeauth.adapters.windows_programs import command_line


@pytest.mark.parametrize("program", ["az", "C:\\a b\\az.exe", "C:\\batch.cmd\\az", "az.cmd.exe"])
def test_a_program_gets_what_python_gives_it(program: str) -> None:
    words = [program, "a b", 'say "hello"', "a&b", "50%", "\n"]
    assert command_line(words) == subprocess.list2cmdline(words)


@pytest.mark.parametrize(
    "batch", ["az.cmd", "C:\\a b\\az.CMD", "az.Bat", "az.cmd .", "az.bat.", "az.cmd  "]
)
def test_a_batch_file_gets_every_word_in_quotes(batch: str) -> None:
    assert command_line([batch, "a&b", "", "c\\"]) == f'"{batch}" "a&b" "" "c\\\\"'


def test_a_quote_does_not_end_the_quotes() -> None:
    assert command_line(["az.cmd", '"&calc&"']) == '"az.cmd" """&calc&"""'
    assert command_line(["az.cmd", r"a\"b"]) == r'"az.cmd" "a\\""b"'
    assert command_line(["az.cmd", r"a\"b"]) == r'"az.cmd" "a\\""b"'


def test_no_two_percent_signs_enclose_a_name() -> None:
    """cmd.exe puts nothing in place of ``%cd:~,%``: an empty part of a variable that always is."""
    line = command_line(["az.cmd", "%PATH%", "a%20b"])
    assert line.replace("%cd:~,%", "") == '"az.cmd" "%PATH%" "a%20b"'
    assert line.count("%cd:~,%") == 3


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\0b"])
def test_a_line_end_is_refused_for_a_batch_file(word: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        command_line(["az.cmd", word])
