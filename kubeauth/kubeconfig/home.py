"""Find home folders: the one in which kubectl looks for its files, and the account's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

__all__ = ["account_home", "kubectl_home"]

_OWNER_MAY_WRITE: Final = 0o200


def kubectl_home(environ: Mapping[str, str]) -> str:
    """Return the folder that has kubectl's ``.kube``, as client-go's ``homedir`` chooses it.

    That is HOME. On Windows it is the first of HOME, HOMEDRIVE with HOMEPATH, and USERPROFILE that
    has a ``.kube\\config``; if none has, it is the first of HOME, USERPROFILE, and HOMEDRIVE with
    HOMEPATH that is a folder to which the user can write, that exists, or that is set.
    """
    # Not Path.home(), which fails for a user that the system does not know.
    home = environ.get("HOME", "")
    if os.name != "nt":
        return home or os.path.expanduser("~")
    profile = environ.get("USERPROFILE", "")
    drive, path = environ.get("HOMEDRIVE", ""), environ.get("HOMEPATH", "")
    network = drive + path if drive and path else ""
    for place in filter(None, (home, network, profile)):
        if os.path.exists(os.path.join(place, ".kube", "config")):
            return place
    places = [place for place in (home, profile, network) if place]
    existing = [place for place in places if os.path.exists(place)]
    writable = [each for each in existing if os.stat(each).st_mode & _OWNER_MAY_WRITE]
    return next(iter([*writable, *existing, *places]), os.path.expanduser("~"))


def account_home() -> str:
    """Return the home folder of the account, whatever the variables say; "" if it has none."""
    if os.name == "nt":
        import ctypes

        path = ctypes.create_unicode_buffer(260)
        # CSIDL_PROFILE, from the registry.
        ctypes.windll.shell32.SHGetFolderPathW(None, 0x28, None, 0, path)  # type: ignore[attr-defined,unused-ignore]
        return path.value
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:  # a container's user without a name
        return ""
