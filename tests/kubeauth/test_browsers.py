"""Which program opens a page here."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from kubeauth.adapters.browsers import can_open_browser, open_browser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the other systems have other ways")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def install(folder: Path, name: str, page: Path) -> None:
    program = folder / name
    program.write_text(
        f'#!/bin/sh\necho noise\necho "$0" "$@" > {page}.new\n/bin/mv {page}.new {page}\n'
    )
    program.chmod(0o755)


def shown(page: Path) -> list[str]:
    for _ in range(200):
        if page.exists():
            program, *arguments = page.read_text().split()
            return [os.path.basename(program), *arguments]
        time.sleep(0.01)
    raise AssertionError("no page was opened")


@pytest.mark.process
@pytest.mark.parametrize(
    ("environ", "installed", "expected"),
    [
        ({"DISPLAY": ":0"}, ["xdg-open", "firefox"], ["xdg-open", "URL"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["firefox"], ["firefox", "URL"]),
        ({"WSL_DISTRO_NAME": "Ubuntu"}, ["wslview", "xdg-open"], ["wslview", "URL"]),
        (
            {"WSL_INTEROP": "/run/x"},
            ["rundll32.exe"],
            ["rundll32.exe", "url.dll,FileProtocolHandler", "URL"],
        ),
    ],
)
def test_the_systems_own(path: Path, page: Path, environ, installed, expected) -> None:
    for name in installed:
        install(path, name, page)
    environ = {**environ, "PATH": str(path)}
    url = "https://login.example/authorize?a=b&c=d;e"
    assert can_open_browser(environ)
    assert open_browser(url, environ) is not None
    assert shown(page) == [url if word == "URL" else word for word in expected]


@pytest.mark.parametrize("environ", [{}, {"SSH_CONNECTION": "1"}])
def test_none_where_nobody_looks_at_a_screen(path: Path, page: Path, environ) -> None:
    install(path, "xdg-open", page)
    environ = {**environ, "PATH": str(path)}
    assert not can_open_browser(environ) and open_browser("https://x", environ) is None


@pytest.mark.process
def test_a_place_for_the_address_in_the_command(path: Path, page: Path) -> None:
    install(path, "mine", page)
    command = f"'{path / 'mine'}' --app=%s --new"
    assert open_browser("https://x/?a&b", {"PATH": "/bin"}, command) is not None
    assert shown(page) == ["mine", "--app=https://x/?a&b", "--new"]


@pytest.mark.process
def test_no_shell_reads_the_address(path: Path, page: Path, tmp_path: Path) -> None:
    install(path, "mine", page)
    url = f"https://x/?$(touch${{IFS}}{tmp_path}/gone)"
    open_browser(url, {"PATH": "/bin"}, str(path / "mine"))
    assert shown(page) == ["mine", url] and not (tmp_path / "gone").exists()


@pytest.mark.process
@pytest.mark.parametrize("command", ["", "'", "/nonexistent/browser", " & "])
def test_a_command_that_is_none(command: str) -> None:
    assert open_browser("https://x", {"PATH": "/nonexistent", "BROWSER": command}) is None
