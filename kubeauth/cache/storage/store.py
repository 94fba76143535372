"""Store the cache's content: in a private folder, in memory, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable

from kubeauth.cache.storage.folder import PrivateFolder, foreign_part
from kubeauth.errors import SettingsError
from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["STORAGES", "Store"]

logger = Logger(__name__)

STORAGES: Final = ("auto", "keyring", "file", "memory", "none")
# The content that this process could not, or should not, write to disk, by folder and name.
_MEMORY: Final[dict[tuple[str, str], bytes]] = {}


class Store:
    """Bytes by name: in a private folder, in this process's memory, or not stored at all.

    ``storage`` is one of STORAGES; "keyring" and "file" differ for sessions only, see
    ``kubeauth.cache.sessions``. If the folder cannot be used, use memory, and call ``warn`` once
    with one line. Raises SettingsError for another storage.
    """

    def __init__(
        self, path: str | None, storage: str, warn: Callable[[str], None], other: str = ""
    ) -> None:
        self.storage = storage or STORAGES[0]
        if self.storage not in STORAGES:
            raise SettingsError(
                f"cache-storage: unknown storage {storage!r}",
                hint=f"use one of {', '.join(STORAGES)}",
            )
        on_disk = self.storage in ("auto", "keyring", "file")
        self.folder = PrivateFolder(path) if path is not None and on_disk else None
        self._place = str(path)
        self._warn = warn
        self._warned = not on_disk
        self._foreign = foreign_part(path) if self.folder is not None and path and other else None
        if self._foreign is not None:
            self.folder = PrivateFolder(other)

    def read(self, name: str) -> bytes | None:
        """Return the content stored under ``name``; None without one, or if it is not private."""
        if self.folder is not None:
            try:
                found = self.folder.read(name)
            except OSError as error:
                logger.debug("cannot use the cached %s: %s", name, error)
                found = None
            if found is not None:
                return found
        return _MEMORY.get((self._place, name))

    def write(self, name: str, content: bytes, *, quiet: bool = False) -> bool:
        """Store ``content`` under ``name`` and return whether it is on disk.

        If it is not, warn, unless ``quiet``.
        """
        if self.storage == "none":
            return False
        reason = "there is no home folder"
        if self.folder is not None:
            try:
                self.folder.write(name, content)
            except OSError as error:
                reason = (
                    f"{error.filename or self._place}: {error.strerror}"
                    if error.strerror
                    else str(error)
                )
            else:
                if not quiet:
                    self._name_owner()
                return True
        _MEMORY[self._place, name] = content
        if not quiet:
            self._complain(reason)
        return False

    def _name_owner(self) -> None:
        """Say once whose folder is in the way, and how to mend that."""
        if self._foreign is None or self._warned or self.folder is None:
            return
        self._warned = True
        import shlex

        place, owner = self._foreign
        self._warn(
            f"{place} belongs to {_user(owner)}, as after a command with sudo; mend it with "
            f"`sudo chown -R {_user(os.geteuid())} {shlex.quote(place)}`; until then tokens are "
            f"stored in {self.folder.path}"
        )

    def _complain(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"cannot store the token for the next call ({reason}); name another folder with "
                "--cache-dir, or silence this with --cache-storage none"
            )

    def delete(self, name: str) -> bool:
        """Delete the content stored under ``name`` and return whether there was any."""
        remembered = _MEMORY.pop((self._place, name), None) is not None
        if self.folder is None:
            return remembered
        try:
            return self.folder.delete(name) or remembered
        except OSError as error:
            logger.debug("cannot delete the cached %s: %s", name, error)
            return remembered

    def names(self) -> list[str]:
        """Return every name in use, sorted."""
        names = {name for place, name in _MEMORY if place == self._place}
        if self.folder is not None:
            try:
                names.update(self.folder.names())
            except OSError as error:
                logger.debug("cannot list the cache: %s", error)
        return sorted(names)


def _user(number: int) -> str:
    """Return the name of a user, or the number of one without a name."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
