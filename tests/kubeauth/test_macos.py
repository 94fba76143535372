"""Branches that only macOS takes, in a Python that takes itself for one on macOS.

docs/platforms.md lists them. What macOS itself has is played: `open`, the system's settings for
proxies, and a system that is too old to start a process in a session of its own.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import install_program, not_on_windows

from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import unreachable
from kubeauth_plugin import _hot

pytestmark = not_on_windows("it plays macOS by what Linux has")
ON_MACOS = "import json, os, sys\nsys.platform = 'darwin'\n"
# Python's own module for the settings of the system is in C; it has these two functions.
SETTINGS = """
import types
settings = types.ModuleType("_scproxy")
settings._get_proxies = lambda: {"https": "http://proxy.example:8080"}
settings._get_proxy_settings = lambda: {
    "exclude_simple": True, "exceptions": ["*.local.example", "10.0.0.0/8"]
}
sys.modules["_scproxy"] = settings
"""
OLD_SYSTEM = """
new = os.posix_spawn
def posix_spawn(*arguments, **options):
    if options.get("setsid"):
        raise NotImplementedError("setsid")
    return new(*arguments, **options)
os.posix_spawn = posix_spawn
"""


def run(code: str, *words: str, **environ: str) -> Any:
    """Run code there; return what it prints, which is JSON."""
    done = subprocess.run(
        [sys.executable, "-c", ON_MACOS + code, *words],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.process
class TestBrowser:
    CODE = (
        "from kubeauth.adapters.browsers import can_open_browser, open_browser\n"
        "process = open_browser('https://example/?a=b&c', dict(os.environ))\n"
        "code = process.wait(30) if process else None\n"
        "print(json.dumps([can_open_browser(dict(os.environ)), code]))\n"
    )

    def test_open_shows_the_page(self, tmp_path: Path) -> None:
        shown = tmp_path / "shown"
        code = f"import sys\nopen({str(shown)!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        install_program(tmp_path, "open", code)
        assert run(self.CODE, PATH=str(tmp_path)) == [True, 0]
        assert shown.read_text() == "https://example/?a=b&c"

    def test_not_for_a_person_at_another_machine(self, tmp_path: Path) -> None:
        install_program(tmp_path, "open", "raise SystemExit(9)\n")
        assert run(self.CODE, PATH=str(tmp_path), SSH_CONNECTION="1") == [False, None]


@pytest.mark.process
@pytest.mark.parametrize(
    ("host", "environ", "proxy"),
    [
        ("login.example", {}, "http://proxy.example:8080"),
        ("api.local.example", {}, None),
        ("10.1.2.3", {}, None),
        ("login.example", {"HTTPS_PROXY": "http://mine.example:1"}, "http://mine.example:1"),
    ],
)
def test_the_systems_proxy(host: str, environ: dict[str, str], proxy: str | None) -> None:
    code = (
        "from kubeauth.adapters.proxies import find_proxies\n"
        "print(json.dumps(find_proxies(f'https://{sys.argv[1]}/', dict(os.environ))))\n"
    )
    assert run(SETTINGS + code, host, **environ).get("https") == proxy


@pytest.mark.process
class TestOldSystem:
    """A process group takes the place of the session."""

    CODE = "from kubeauth.adapters.programs import run_program\n"

    def test_a_tool_runs(self) -> None:
        code = (
            "done = run_program(['/bin/echo', 'a b'], environ={}, limit=30)\n"
            "print(json.dumps([done.returncode, done.stdout]))\n"
        )
        assert run(OLD_SYSTEM + self.CODE + code) == [0, "a b\n"]

    def test_its_children_end_at_the_limit(self) -> None:
        """The pipe is closed only when all that hold it are gone."""
        code = (
            "try:\n"
            "    run_program(['/bin/sh', '-c', 'sleep 60 & wait'], environ={}, limit=1)\n"
            "except TimeoutError as error:\n"
            "    print(json.dumps(str(error)))\n"
        )
        assert "no answer after 1 s" in run(OLD_SYSTEM + self.CODE + code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (-67602, "another name"),
        (-67818, "has expired"),
        (-67819, "not valid yet"),
    ],
)
def test_what_the_keychain_says_of_a_certificate(code: int, said: str) -> None:
    """truststore hands on the codes of Security.framework (SecBase.h) as OpenSSL's are."""
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_code = code
    failed = RequestFailed("https://login.example/", "tls")
    failed.__cause__ = cause
    error = unreachable("sign-in", failed)
    assert said in f"{error} {error.hint}"


def test_a_caller_is_its_number_where_no_more_is_known() -> None:
    gone = 2**22 + 17  # larger than any number of a process
    assert _hot.caller(gone) == str(gone)
    assert _hot.may_be_client_go(gone)
