"""Looking after the token cache: what is in it, and taking things out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kubeauth.cache.folder import PrivateFolder
from kubeauth.cache.keyring_key import NoKeyring, forget_key
from kubeauth.cache.tokens import is_ours
from kubeauth.errors import SettingsError

__all__ = ["clear"]


def clear(path: Path) -> Iterator[str]:
    """Delete everything of ours in ``path`` and in the keyring; gives a line for each kind.

    Files that are not ours stay, and so does a folder that has some. Raises SettingsError for what
    cannot be deleted.
    """
    folder = PrivateFolder(path)
    try:
        names = [name for name in folder.names() if is_ours(name)]
        sealed = any(name.endswith(".sealed") for name in names)
        removed = [name for name in names if folder.delete(name)]
        folder.remove_if_empty()
    except OSError as error:
        raise SettingsError(
            f"cache-dir: cannot clear {path} ({error})", hint="check who owns the folder"
        ) from error
    tokens = sum(name.endswith(".token.json") for name in removed)
    sessions = sum(".session." in name for name in removed)
    yield f"removed {_count(tokens, 'token')} and {_count(sessions, 'sign-in')} from {path}"
    if sealed:
        try:
            if forget_key():
                yield "removed the encryption key from the keyring"
        except NoKeyring as error:
            yield f"the encryption key may still be in the keyring: {error}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
