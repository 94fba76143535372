"""The token cache: whose it is, and whether it can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator

from kubeauth.cache.folder import foreign_part
from kubeauth.cache.location import cache_path
from kubeauth_plugin.doctor.finding import Finding, Scene

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
        yield Finding("cache", problem, f"sudo chown -R {os.getuid()} {foreign[0]}")
    elif os.path.exists(path) and not os.path.isdir(path):
        yield Finding("cache", f"{path} is a file, not a folder", f"rm {path}")
