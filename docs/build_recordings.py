"""Record terminals for the documentation: real programs against the simulator, as SVG.

    .venv/bin/python docs/build_recordings.py [FOLDER]

It needs a kubectl, and writes terminal-*.svg into docs/images or the folder.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kubeauth.testing import Simulator

IMAGES = Path(__file__).parent / "images"
BIN = Path(sys.executable).parent
WIDTH = 92
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def main(folder: Path) -> int:
    """Record the quick start into ``folder``."""
    with Simulator() as sim, tempfile.TemporaryDirectory() as home:
        Desk(sim, Path(home)).record_quick_start(folder / "terminal-quick-start.svg")
    return 0


class Desk:
    """A person's home with a kubeconfig for kubelogin, as `az aks get-credentials` writes it."""

    def __init__(self, sim: Simulator, home: Path) -> None:
        self.sim = sim
        (home / ".kube").mkdir(mode=0o750)
        config = home / ".kube" / "config"
        config.touch(0o600)
        ours = f"--authority-host\n      - {sim.authority}\n      - --disable-instance-discovery"
        text = sim.kubeconfig("exec", context="prod").replace("clusterUser_rg_prod", "dana")
        text = text.replace(sim.tenant.id, sim.tenant.name)
        config.write_text(text.replace("--environment\n      - AzurePublicCloud", ours))
        sim.device_code_interval = 1
        # What Entra ID itself answers, instead of an address with a port of this machine.
        sim.device_code_page = "https://login.microsoft.com/device"
        self.environ = {
            "HOME": str(home),
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "TERM": "xterm",
            "COLUMNS": str(WIDTH),
            # The machine of the recording has no keyring, and would warn of that.
            "KUBEAUTH_CACHE_STORAGE": "file",
            **sim.environ(),
        }

    def record_quick_start(self, target: Path) -> None:
        """Convert, sign in with a code, and ask again."""
        dana = self.sim.tenant.add_user("dana@contoso.example")
        done = threading.Event()

        def approve() -> None:
            while not done.wait(0.3):
                for waiting in self.sim.pending_device_codes():
                    time.sleep(0.5)
                    self.sim.approve(waiting.user_code, dana)

        person = threading.Thread(target=approve)
        person.start()
        console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
        try:
            for command, words in (
                ("kubeauth convert-kubeconfig", ""),
                ("kubectl get nodes", "the first time, a person signs in"),
                ("kubectl get nodes", "again: nobody is asked, not even Entra ID"),
            ):
                line = Text.assemble(("$ ", "bold green"), (command, "bold"))
                console.print(line.append(f"   # {words}" if words else "", "dim"))
                console.print(Text(self.at_terminal(*command.split())))
        finally:
            done.set()
            person.join()
        drawn = console.export_svg(title="kubeauth", unique_id="kubeauth")
        # No font from another host: the reader's own will do.
        target.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL))

    def at_terminal(self, *command: str) -> str:
        """Run a command at a terminal and return what stands on the screen in the end."""
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            command, env=self.environ, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(mine, 4096)
            except OSError:  # the last program has closed the terminal
                break
            if not part:
                break
            seen += part
        os.close(mine)
        if process.wait():
            raise SystemExit(f"{' '.join(command)}: {seen.decode()}")
        return screen(seen.decode())


def screen(text: str) -> str:
    """Return the lines that remain: a carriage return begins the line anew."""
    lines = _CONTROL.sub("", text.replace("\r\n", "\n")).split("\n")
    return "\n".join(line.rsplit("\r", 1)[-1].rstrip() for line in lines).strip("\n") + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES))
