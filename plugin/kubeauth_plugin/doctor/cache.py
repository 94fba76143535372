"""The token cache: whose it is, and whether it can be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Final

from kubeauth.cache.storage.folder import foreign_part
from kubeauth.cache.storage.location import cache_path
from kubeauth_plugin.doctor.finding import Finding, Scene
from kubeauth_plugin.trust.rule import quoted

__all__ = ["check"]

_ELSEWHERE: Final = 'export KUBEAUTH_CACHE_DIR="$(mktemp -d)"'


def check(scene: Scene) -> Iterator[Finding]:
    """Look at the folder of the cache; make nothing."""
    if scene.target is None:
        return
    path = cache_path(scene.target.settings.cache_dir, scene.target.environ)
    if path is None:
        yield Finding("cache", "there is no home folder", _ELSEWHERE)
        return
    scene.seen.append(("cache", path))
    if foreign := foreign_part(path):
        problem = f"{foreign[0]} belongs to user {foreign[1]}, so no token can be kept"
        line = quoted(["sudo", "chown", "-R", str(os.getuid()), foreign[0]])
        # NOTE: the home of a system's account may be a folder like / that must stay root's.
        if os.path.realpath(os.path.expanduser("~")).startswith(os.path.realpath(foreign[0])):
            line = _ELSEWHERE
        yield Finding("cache", problem, line)
    elif os.path.exists(path) and not os.path.isdir(path):
        yield Finding("cache", f"{path} is a file, not a folder", quoted(["rm", path]))
    else:
        yield from _writable(path)


def _writable(path: str) -> Iterator[Finding]:
    """Look whether a file could be made in the folder, or the folder itself."""
    place = path
    while not os.path.exists(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place)
    if os.access(place, os.W_OK | os.X_OK):
        return
    problem = f"{place} cannot be written, so no token can be kept"
    line = quoted(["chmod", "u+rwx", place])
    if _is_read_only(place):
        problem, line = f"{problem} (its file system is read-only)", _ELSEWHERE
    yield Finding("cache", problem, line)


def _is_read_only(place: str) -> bool:
    if sys.platform == "win32":
        return False
    return bool(os.statvfs(place).f_flag & os.ST_RDONLY)
