"""The token cache: whose it is, and whether it can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator

from kubeauth.cache.folder import foreign_part
from kubeauth.cache.location import cache_path
from kubeauth_plugin.doctor.finding import Finding, Scene
from kubeauth_plugin.trust.rule import quoted

__all__ = ["check"]


def check(scene: Scene) -> Iterator[Finding]:
    """Look at the folder of the cache; make nothing."""
    if scene.target is None:
        return
    path = cache_path(scene.target.settings.cache_dir, scene.target.environ)
    if path is None:
        yield Finding("cache", "there is no home folder", "export KUBEAUTH_CACHE_DIR=FOLDER")
        return
    scene.seen.append(("cache", path))
    if foreign := foreign_part(path):
        problem = f"{foreign[0]} belongs to user {foreign[1]}, so no token can be kept"
        yield Finding(
            "cache", problem, quoted(["sudo", "chown", "-R", str(os.getuid()), foreign[0]])
        )
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
    if os.statvfs(place).f_flag & os.ST_RDONLY if os.name == "posix" else False:
        problem += " (its file system is read-only)"
        line = "export KUBEAUTH_CACHE_DIR=/tmp/kubeauth"
    yield Finding("cache", problem, line)
