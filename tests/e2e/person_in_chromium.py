"""A person at a real, headless Chromium: ``python person_in_chromium.py SETTINGS ADDRESS``.

The browser is steered over a pipe (Chrome DevTools Protocol: messages of JSON, each ended by a zero
byte, on its descriptors 3 and 4), so that nothing beside it is needed. SETTINGS is a JSON file with
``username``, ``password``, ``program`` and ``result``, where the text of the last page goes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--ignore-certificate-errors",
)
FILL_IN = """
document.querySelector('input[name=username]').value = {username};
document.querySelector('input[name=password]').value = {password};
document.querySelector('button[value=signin]').click();
"""


class Chromium:
    """One browser with one page."""

    def __init__(self, program: str, folder: str) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # Only root needs to go without the sandbox (as containers do).
        more = ("--no-sandbox",) if os.geteuid() == 0 else ()
        command = [program, *FLAGS, *more, f"--user-data-dir={folder}", "about:blank"]
        # The shell puts the pipes where Chromium expects them: Python may hold 3 and 4 itself.
        redirect = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", redirect, "chromium", *command],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self._number = 0
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._page = attached["sessionId"]

    def send(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self._number:
                return answer.get("result", {})

    def _read(self) -> bytes:
        content = b""
        while not content.endswith(b"\0"):
            byte = self._in.read(1)
            if not byte:
                raise EOFError("Chromium is gone")
            content += byte
        return content[:-1]

    def open(self, url: str) -> None:
        self.send("Page.navigate", self._page, url=url)

    def value(self, script: str) -> Any:
        found = self.send("Runtime.evaluate", self._page, expression=script)
        return found.get("result", {}).get("value")

    def wait(self, script: str, limit: float = 30) -> None:
        deadline = time.monotonic() + limit
        while not self.value(script):
            if time.monotonic() > deadline:
                raise TimeoutError(self.value("document.body.innerText"))
            time.sleep(0.05)

    def close(self) -> None:
        self.send("Browser.close")
        self.process.wait(10)
        self._in.close()
        self._out.close()


def main(settings_file: str, url: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        chromium = Chromium(settings["program"], folder)
        chromium.open(url)
        chromium.wait("!!document.querySelector('button[value=signin]')")
        words = {name: json.dumps(settings[name]) for name in ("username", "password")}
        chromium.value(FILL_IN.format(**words))
        chromium.wait("location.hostname === 'localhost' && /sign/.test(document.title)")
        Path(settings["result"]).write_text(chromium.value("document.body.innerText"))
        chromium.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
