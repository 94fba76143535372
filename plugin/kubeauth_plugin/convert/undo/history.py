"""The last conversions, in the private cache folder: what is needed to put their users back.

NOTE: a record holds no secret that was not in the kubeconfig.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from kubeauth import _env
from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.location import cache_path
from kubeauth.cache.storage.names import CONVERSION, DIGEST_LENGTH
from kubeauth.secret import fast_digest
from kubeauth_plugin.convert.undo.user_change import UserChange

__all__ = ["Conversion", "History"]

# Conversions: of the same files, and in all, for fleets of kubeconfigs.
_KEPT: Final = 10
_MOST: Final = 2000
# Bytes; 2,000 users take 5 MB.
_LARGEST: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Conversion:
    """One conversion: the changed users of each file, by the file's real path."""

    record: str
    files: Mapping[str, Sequence[UserChange]]

    def users(self, path: Path) -> Sequence[UserChange]:
        """Return the users that it changed in a file."""
        return self.files.get(os.path.realpath(path), ())


class History:
    """The records of conversions. Every method may raise OSError."""

    def __init__(self, folder: PrivateFolder | None) -> None:
        self._folder = folder

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> History:
        """Return this machine's history; an empty one where nothing may be written to disk."""
        storage = environ.get(_env.KUBEAUTH_CACHE_STORAGE, "").lower()
        path = None if storage in ("memory", "none") else cache_path("", environ)
        return cls(None if path is None else PrivateFolder(path))

    def add(self, files: Mapping[Path, Sequence[UserChange]], now: float) -> None:
        """Record a conversion made at ``now`` (epoch seconds); keep the last ten of these files.

        A record's name is its time and a digest of its files, so none has to be read.
        """
        if self._folder is None or not any(files.values()):
            return
        changed = {os.path.realpath(path): users for path, users in files.items() if users}
        of_files = _digest(sorted(changed)) + CONVERSION
        self._write(f"{int(now * 1e9):0{DIGEST_LENGTH // 2}x}{of_files}", changed)
        names = self._names()
        same = [name for name in names if name.endswith(of_files)]
        for old in {*same[_KEPT:], *names[_MOST:]}:
            self._folder.delete(old)

    def conversions(self) -> Iterator[Conversion]:
        """Yield the conversions, the last one first; skip a damaged record."""
        for name in self._names():
            try:
                content: Any = unpacked(self._folder.read(name, _LARGEST) if self._folder else None)
                files = {p: [UserChange(*user) for user in users] for p, users in content.items()}
            except (ValueError, TypeError, AttributeError):
                continue
            yield Conversion(name, files)

    def forget(self, conversion: Conversion, path: Path, names: frozenset[str]) -> None:
        """Forget users of a file that were put back."""
        if self._folder is None:
            return
        real = os.path.realpath(path)
        files = dict(conversion.files)
        files[real] = [user for user in conversion.users(path) if user.name not in names]
        if any(files.values()):
            self._write(conversion.record, files)
        else:
            self._folder.delete(conversion.record)

    def _names(self) -> list[str]:
        names = self._folder.names() if self._folder else []
        return sorted((name for name in names if name.endswith(CONVERSION)), reverse=True)

    def _write(self, name: str, files: Mapping[str, Sequence[UserChange]]) -> None:
        content = {
            path: [astuple(user) for user in users] for path, users in files.items() if users
        }
        if self._folder is not None:
            self._folder.write(name, packed(content))


def _digest(paths: Sequence[str]) -> str:
    text = os.fsencode("\0".join(paths))
    return fast_digest(text, DIGEST_LENGTH // 4)
