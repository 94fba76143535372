"""Who may open a folder on Windows, by its access control list, and folders for one user.

A list is read and written as text in the Security Descriptor Definition Language, which Microsoft's
"[MS-DTYP]" defines in section 2.5.1. Only folders outside the user's profile are checked: Windows
keeps other users out of the profile.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["is_private_folder", "make_private_folder"]

# Windows itself, its administrators, and whoever owns a folder.
_TRUSTED: Final = frozenset({"SY", "BA", "LA", "OW", "CO"})
_REVISION: Final = 1
_FOLDER_OR_FILE: Final = 1
_OWNER_AND_LIST: Final = 0x1 | 0x4
_QUERY: Final = 0x8
_TOKEN_USER: Final = 1
_EXISTS: Final = 183


def is_private_folder(path: str) -> bool:
    """Return whether only this user and administrators can open a folder. Raises OSError."""
    home, place = (
        os.path.join(os.path.normcase(os.path.abspath(each)), "")
        for each in (os.path.expanduser("~"), path)
    )
    if place.startswith(home):
        return True
    owner, _, rest = _described(path).partition("D:")
    trusted = {*_TRUSTED, _user()}
    # Flags, then entries such as (A;OICI;FA;;;SY): kind, flags, rights, two ids, who.
    entries = [entry.rstrip(")").split(";") for entry in rest.partition("S:")[0].split("(")[1:]]
    open_to_all = not entries
    allowed = {entry[5] for entry in entries if entry[0] != "D"}
    return not open_to_all and owner.removeprefix("O:") in trusted and allowed <= trusted


def make_private_folder(path: str) -> None:
    """Make a folder that only this user and administrators can open; raises OSError."""
    entries = "".join(f"(A;OICI;FA;;;{who})" for who in ("SY", "BA", _user()))
    descriptor = ctypes.c_void_p()
    advapi, kernel = _library("advapi32"), _library("kernel32")
    _check(
        advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
            f"D:P{entries}", _REVISION, ctypes.byref(descriptor), None
        )
    )
    try:
        attributes = (ctypes.c_void_p * 3)(ctypes.sizeof(ctypes.c_void_p) * 3, descriptor.value, 0)
        _check(kernel.CreateDirectoryW(path, attributes))
    finally:
        kernel.LocalFree(descriptor)


def _described(path: str) -> str:
    """Return a folder's owner and list as text."""
    advapi = _library("advapi32")
    descriptor, text = ctypes.c_void_p(), ctypes.c_wchar_p()
    code = advapi.GetNamedSecurityInfoW(
        path, _FOLDER_OR_FILE, _OWNER_AND_LIST, None, None, None, None, ctypes.byref(descriptor)
    )
    if code:
        raise OSError(f"the access control list of {path} cannot be read (error {code})")
    try:
        _check(
            advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor, _REVISION, _OWNER_AND_LIST, ctypes.byref(text), None
            )
        )
        return _taken(text)
    finally:
        _library("kernel32").LocalFree(descriptor)


def _user() -> str:
    """Return the id of the user of this process."""
    advapi, kernel = _library("advapi32"), _library("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    token, size, text = ctypes.c_void_p(), ctypes.c_uint32(), ctypes.c_wchar_p()
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    _check(advapi.OpenProcessToken(process, _QUERY, ctypes.byref(token)))
    try:
        buffer = (ctypes.c_void_p * 64)()
        _check(
            advapi.GetTokenInformation(
                token, _TOKEN_USER, buffer, ctypes.sizeof(buffer), ctypes.byref(size)
            )
        )
        sid = ctypes.c_void_p(buffer[0])
        _check(advapi.ConvertSidToStringSidW(sid, ctypes.byref(text)))
        return _taken(text)
    finally:
        kernel.CloseHandle(token)


def _taken(text: ctypes.c_wchar_p) -> str:
    """Return a text that Windows allocated, and free it."""
    value = text.value or ""
    _library("kernel32").LocalFree(text)
    return value


def _library(name: str) -> Any:
    if sys.platform != "win32":
        raise OSError("only Windows has access control lists")
    return ctypes.WinDLL(name, use_last_error=True)


def _check(done: int) -> None:
    if not done and sys.platform == "win32":
        code = ctypes.get_last_error()
        if code == _EXISTS:
            raise FileExistsError(code, "the folder exists")
        raise ctypes.WinError(code)
