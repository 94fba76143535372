"""Find the cache's folder where other users may have access."""

from __future__ import annotations

from kubeauth.cache.storage.windows_access import is_private_folder

__all__ = ["private_folder"]


def private_folder(folder: str) -> str:
    """Return ``folder`` or its subfolder "kubeauth", whichever is private; "" if neither is.

    Raises OSError if they cannot be looked at.
    """
    inner = folder + "/kubeauth"
    if is_private_folder(folder):
        return folder
    return inner if is_private_folder(inner) else ""
