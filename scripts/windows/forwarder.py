"""Write DLLs that have no code: each of their functions is forwarded to another DLL.

The layout is that of "PE Format" in Microsoft's documentation, for x64: the headers and one section
with an export directory, whose entries are text such as ``python310.PyLong_FromLong``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["exported_names", "forwarding_dll"]

_PAGE: Final = 0x1000
_BLOCK: Final = 0x200
_MACHINE_X64: Final = 0x8664
# An executable image, for large addresses, that is a DLL.
_IS_DLL: Final = 0x2022
_READABLE_DATA: Final = 0x40000040
_EXPORT_DIRECTORY: Final = struct.Struct("<IIHHIIIIIII")


def forwarding_dll(name: str, targets: Mapping[str, str]) -> bytes:
    """Return a DLL called ``name``; ``targets`` has ``OTHERDLL.FUNCTION`` for each function."""
    section = _export_section(name, targets)
    size, on_disk = len(section), _rounded(len(section), _BLOCK)
    signature = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0"
    file_header = struct.pack("<HHIIIHH", _MACHINE_X64, 1, 0, 0, 0, 240, _IS_DLL)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, on_disk, 0, 0, 0)
    optional += struct.pack("<QIIHHHHHH", 0x180000000, _PAGE, _BLOCK, 6, 0, 0, 0, 6, 0)
    whole = _PAGE + _rounded(size, _PAGE)
    optional += struct.pack("<IIIIHH", 0, whole, _BLOCK, 0, 2, 0x100)
    optional += struct.pack("<QQQQII", 0x100000, _PAGE, 0x100000, _PAGE, 0, 16)
    optional += struct.pack("<II", _PAGE, size).ljust(16 * 8, b"\0")
    table = b".rdata\0\0" + struct.pack("<IIII", size, _PAGE, on_disk, _BLOCK)
    table += struct.pack("<IIHHI", 0, 0, 0, 0, _READABLE_DATA)
    headers = signature + file_header + optional + table
    return headers.ljust(_BLOCK, b"\0") + section.ljust(on_disk, b"\0")


def _export_section(name: str, targets: Mapping[str, str]) -> bytes:
    """Return the export directory, its three tables and the texts that they point to."""
    functions = sorted(targets, key=str.encode)  # the loader searches by halves
    count = len(functions)
    addresses = _PAGE + _EXPORT_DIRECTORY.size
    names, ordinals, texts = addresses + 4 * count, addresses + 8 * count, addresses + 10 * count
    places: dict[str, int] = {}
    blob = b""
    for text in (name, *functions, *targets.values()):
        if text not in places:
            places[text] = texts + len(blob)
            blob += text.encode() + b"\0"
    directory = _EXPORT_DIRECTORY.pack(
        0, 0, 0, 0, places[name], 1, count, count, addresses, names, ordinals
    )
    return b"".join(
        (
            directory,
            struct.pack(f"<{count}I", *(places[targets[each]] for each in functions)),
            struct.pack(f"<{count}I", *(places[each] for each in functions)),
            struct.pack(f"<{count}H", *range(count)),
            blob,
        )
    )


def exported_names(dll: Path) -> list[str]:
    """Return the names of the functions that an x64 DLL exports."""
    data = dll.read_bytes()

    def number(offset: int, length: int = 4) -> int:
        return int.from_bytes(data[offset : offset + length], "little")

    header = number(60)
    sections = header + 24 + number(header + 20, 2)

    def offset_of(address: int) -> int:
        for start in range(sections, sections + 40 * number(header + 6, 2), 40):
            size, first, on_disk, place = (number(start + at) for at in (8, 12, 16, 20))
            if first <= address < first + max(size, on_disk):
                return address - first + place
        raise ValueError(f"{dll}: no section has the address {address:#x}")

    directory = offset_of(number(header + 24 + 112))
    table = offset_of(number(directory + 32))
    names = []
    for entry in range(table, table + 4 * number(directory + 24), 4):
        start = offset_of(number(entry))
        names.append(data[start : data.index(b"\0", start)].decode())
    return names


def _rounded(size: int, step: int) -> int:
    return -(-size // step) * step
