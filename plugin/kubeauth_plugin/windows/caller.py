"""Name the process that called us, on Windows: its id, its start time and its program.

The parent process is often not the caller. pip makes a kubeauth.exe that starts Python as a second
process, and the python.exe of a virtual environment starts the one that it was made from. Both wait
for their child, so this module walks past them. It runs at each call of kubectl, so it asks the
system's own functions, through ctypes, and imports nothing else.
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["windows_caller"]

# The programs that pip, uv and pipx make for our entry points, and Python's launcher.
_OURS = ("kubeauth.exe", "kubectl-kubeauth.exe", "py.exe")
# A virtual environment's programs, which start another Python and wait for it.
_PYTHONS = ("python.exe", "pythonw.exe", "python3.exe")
# Our own launcher, and one of Python; more in a row are no launchers.
_MOST_STEPS = 3
_QUERY_LIMITED_INFORMATION = 0x1000
# The class of NtQueryInformationProcess that returns the parent's id, as the last of six words.
_BASIC_INFORMATION = 0
_LONGEST_PATH = 32768


def windows_caller() -> str:
    """Return "ID START PROGRAM" for the nearest process above us that is no launcher of ours.

    START counts 100 nanoseconds since 1601. Raises OSError if a process cannot be looked at.
    """
    process = os.getppid()
    redirected = sys.executable != getattr(sys, "_base_executable", sys.executable)
    for _ in range(_MOST_STEPS):
        parent, start, program = _described(process)
        name = os.path.basename(program).lower()
        if name not in _OURS and not (redirected and name in _PYTHONS):
            break
        redirected = False
        process = parent
    return f"{process} {start} {program}"


def _described(process: int) -> tuple[int, int, str]:
    """Return a process's parent, start time and program. Raises OSError."""
    if sys.platform != "win32":
        raise OSError("this is not Windows")
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(_QUERY_LIMITED_INFORMATION, False, process))
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        words = (ctypes.c_size_t * 6)()
        size = ctypes.sizeof(words)
        if ctypes.WinDLL("ntdll").NtQueryInformationProcess(
            handle, _BASIC_INFORMATION, words, size, None
        ):
            raise OSError("the parent of a process is not known")
        times = (ctypes.c_uint64 * 4)()
        each = [ctypes.byref(times, 8 * number) for number in range(4)]
        path = ctypes.create_unicode_buffer(_LONGEST_PATH)
        length = ctypes.c_uint32(_LONGEST_PATH)
        if not kernel.GetProcessTimes(handle, *each) or not kernel.QueryFullProcessImageNameW(
            handle, 0, path, ctypes.byref(length)
        ):
            raise ctypes.WinError(ctypes.get_last_error())
        return words[5], times[0], path.value
    finally:
        kernel.CloseHandle(handle)
