"""Pasting into the console of Windows; that of the others is tried on a real terminal."""

from __future__ import annotations

import pytest

from kubeauth.adapters.terminal import _WindowsConsole

ADDRESS = "http://localhost:4711/?code=1.A&state=x"


class Keyboard:
    """Keys that were pressed and wait to be read."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def types(self, *keys: str) -> None:
        for key in keys:
            self.keys.extend(key)

    def console(self) -> _WindowsConsole:
        return _WindowsConsole(lambda: bool(self.keys), lambda: self.keys.pop(0))


@pytest.fixture
def keyboard() -> Keyboard:
    return Keyboard()


def test_a_line_counts_when_it_ends(keyboard):
    console = keyboard.console()
    assert console.lines() == []
    keyboard.types(ADDRESS[:20])
    assert console.lines() == []
    keyboard.types(ADDRESS[20:], "\r")
    assert console.lines() == [ADDRESS]
    assert console.lines() == []


def test_several_lines_and_empty_ones(keyboard):
    console = keyboard.console()
    keyboard.types("\r\n", "a\r\n", "  b \r", "c")
    assert console.lines() == ["a", "b"]
    keyboard.types("\r")
    assert console.lines() == ["c"]


def test_arrows_are_no_text(keyboard):
    console = keyboard.console()
    keyboard.types("a", "\xe0K", "b", "\x00;", "\r")
    assert console.lines() == ["ab"]


def test_ctrl_c_ends_the_wait(keyboard):
    console = keyboard.console()
    keyboard.types("a", "\x03")
    with pytest.raises(KeyboardInterrupt):
        console.lines()
