"""The file that other programs read a token from: private, and never half a token."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from kubeauth.errors import SettingsError
from kubeauth.files import read_bytes, undisturbed
from kubeauth.jwt import claims_of
from kubeauth.token import epoch, token_text
from kubeauth_plugin.diagnostics import TokenFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["TokenFile", "owner_of", "read_mode"]

# NOTE: its owner and one group may read and write the file, and never others.
_POSSIBLE: Final = 0o660
# Bytes; a token with 200 groups has 12 KiB.
_LARGEST: Final = 1 << 18


@dataclass(slots=True)
class TokenFile:
    """A file that holds one token and nothing else.

    ``mode`` are its permissions; ``owner`` and ``group`` its ids, -1 for those of this process.
    """

    path: str
    mode: int = 0o600
    owner: int = -1
    group: int = -1
    _written: tuple[int, ...] = ()

    def write(self, token: str) -> None:
        """Put ``token`` into the file; a reader sees all of the old one or all of the new one.

        Raises TokenFileError.
        """
        folder, name = os.path.split(os.path.abspath(self.path))
        # One name only, so that a process that was killed leaves no more than one file behind.
        new = os.path.join(folder, f".{name}.new")
        try:
            written = self._write_new(new, token)
            undisturbed(lambda: os.replace(new, self.path))
            self._written = written
        except BaseException as error:  # a signal, too, leaves no second token behind
            with contextlib.suppress(OSError):
                os.unlink(new)
            if not isinstance(error, OSError):
                raise
            raise TokenFileError(
                f"token-file: cannot write {self.path} ({error.strerror})",
                hint=_hint(error, folder),
            ) from error

    def _write_new(self, new: str, token: str) -> tuple[int, ...]:
        """Write a whole file of another name; return its marks."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        # NOTE: O_EXCL follows no link that somebody else has put here.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(new, flags, 0o600)
        try:
            if os.name != "nt":
                # The group is set before its members may read.
                os.fchown(descriptor, self.owner, self.group)
                os.fchmod(descriptor, self.mode)
            data = token.encode("ascii")
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
            return _marks(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def is_ours(self) -> bool:
        """Return whether the file is still the one that ``write`` made."""
        try:
            return _marks(os.lstat(self.path)) == self._written
        except OSError:
            return False

    def remove(self) -> bool:
        """Remove the file; return whether it was there and could be removed."""
        try:
            undisturbed(lambda: os.unlink(self.path))
        except OSError:
            return False
        return True

    def is_dead(self, now: float) -> bool:
        """Return whether the file holds a token that expired before ``now`` (epoch seconds)."""
        try:
            return self.seconds_left(now) <= 0
        except TokenFileError:
            return False

    def seconds_left(self, now: float) -> float:
        """Return for how many seconds from ``now`` (epoch) the token in the file is good.

        Raises TokenFileError if the file holds no token.
        """
        try:
            text = token_text(read_bytes(self.path, _LARGEST).decode("ascii"))
            return epoch(claims_of(text).get("exp")) - now
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or "it holds no token with an expiry"
            raise TokenFileError(
                f"token-file: no token in {self.path} ({reason})",
                hint="look at what `kubeauth token-file` says on stderr, where it keeps this file",
            ) from error


def _marks(found: os.stat_result) -> tuple[int, ...]:
    """Return what tells a file from its replacement."""
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)


def _hint(error: OSError, folder: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"make the folder first: mkdir -m 700 {folder}"
    if isinstance(error, IsADirectoryError):
        return "give --output the path of a file"
    if isinstance(error, PermissionError):
        return f"let this user write in {folder}; only root may give a file to another owner"
    return f"make room in {folder}, or give --output another path"


def read_mode(text: str) -> int:
    """Return the permissions that ``text`` (octal digits) means; raises SettingsError."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if mode < 0 or mode & ~_POSSIBLE or not mode & stat.S_IRUSR:
        raise SettingsError(
            f"--mode: {text!r} would not keep the token private",
            hint="use 0600, or 0640 with --group for one other user's program",
        )
    return mode


def owner_of(name: str, *, group: bool = False) -> int:
    """Return the id of a user or a group, given by name or number; raises SettingsError."""
    if name.isascii() and name.isdigit():
        return int(name)
    flag = "--group" if group else "--owner"
    try:
        if group:
            import grp

            return grp.getgrnam(name).gr_gid
        import pwd

        return pwd.getpwnam(name).pw_uid
    except (KeyError, ImportError) as error:
        raise SettingsError(
            f"{flag}: this machine does not know {name!r}", hint=f"give {flag} as a number"
        ) from error
