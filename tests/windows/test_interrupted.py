"""Ctrl-C in the moment in which a tool starts ends that tool, too."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

CODE = """
import _thread, ctypes, os, random, sys, threading
from ctypes import wintypes
from kubeauth.adapters.programs import run_program

class Entry(ctypes.Structure):
    _fields_ = [
        ("size", wintypes.DWORD), ("usage", wintypes.DWORD), ("pid", wintypes.DWORD),
        ("heap", ctypes.c_size_t), ("module", wintypes.DWORD), ("threads", wintypes.DWORD),
        ("parent", wintypes.DWORD), ("priority", wintypes.LONG), ("flags", wintypes.DWORD),
        ("file", ctypes.c_wchar * 260),
    ]

def children():
    kernel = ctypes.WinDLL("kernel32")
    kernel.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
    snapshot = ctypes.c_void_p(kernel.CreateToolhelp32Snapshot(2, 0))
    entry, found = Entry(size=ctypes.sizeof(Entry)), []
    more = kernel.Process32FirstW(snapshot, ctypes.byref(entry))
    while more:
        if entry.parent == os.getpid():
            found.append(entry.pid)
        more = kernel.Process32NextW(snapshot, ctypes.byref(entry))
    kernel.CloseHandle(snapshot)
    return found

argv = [sys.executable, "-c", "import time; time.sleep(60)"]
random.seed(1)
for _ in range(40):
    try:
        threading.Timer(random.uniform(0.001, 0.03), _thread.interrupt_main).start()
        run_program(argv, environ=dict(os.environ), limit=60)
    except KeyboardInterrupt:
        pass
left = children()
for pid in left:
    os.kill(pid, 9)
print(len(left))
"""


def test_no_tool_is_left() -> None:
    argv = [sys.executable, "-c", CODE]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "0", "")
