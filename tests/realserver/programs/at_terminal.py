"""Run a program at a terminal until a text is on its screen, then end it; print that text.

    python at_terminal.py TEXT PROGRAM ARGUMENT…

If it ends before, or has not shown it after a minute, print what it has shown, and end with 1.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60.0
# Colours, places and modes (ECMA-48), and titles.
CONTROLS = re.compile(rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b.")


def main(text: str, *command: str) -> int:
    """Run it; return 0 if the text was seen."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    shown, deadline = b"", time.monotonic() + PATIENCE
    try:
        while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            part = os.read(terminal, 65536)
            shown += part
            if not part or time.monotonic() > deadline:
                break
            if text.encode() in CONTROLS.sub(b"", shown):
                print(text)
                return 0
    except OSError:  # the program has ended, and with it the terminal
        pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(CONTROLS.sub(b"", shown).decode("utf-8", "replace"))
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
