"""Find the folder of the token cache."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kubeauth import _env

__all__ = ["cache_path", "other_path"]


def cache_path(cache_dir: str, environ: Mapping[str, str]) -> str | None:
    """Return the cache's folder: ``cache_dir``, else the variables', else ~/.kube/cache/kubeauth.

    KUBECACHEDIR is the root of kubectl's own cache, so the folder is a subfolder of it. Return None
    if the user has no home folder.
    """
    for text, inside in (
        (cache_dir, ""),
        (environ.get(_env.KUBEAUTH_CACHE_DIR, ""), ""),
        (environ.get(_env.KUBECACHEDIR, ""), "kubeauth"),
        ("~", os.path.join(".kube", "cache", "kubeauth")),
    ):
        if text:
            place = _expanded(text, environ)
            return os.path.join(place, inside) if place and inside else place
    return None


def other_path(environ: Mapping[str, str]) -> str:
    """Return a folder for the cache until its own can be used: in memory if possible, else /tmp.

    It is as private as the cache's own: another user's folder of this name is not used.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        return os.path.join(runtime, "kubeauth")
    uid = os.geteuid() if os.name == "posix" else 0
    return os.path.join(environ.get("TMPDIR") or "/tmp", f"kubeauth-{uid}")  # noqa: S108


def _expanded(text: str, environ: Mapping[str, str]) -> str | None:
    """Expand a leading ``~``, which kubectl leaves alone in an exec block; None without a home."""
    windows = os.name == "nt"
    if text != "~" and not text.startswith(("~/", "~\\") if windows else "~/"):
        return text
    home = environ.get("USERPROFILE" if windows else "HOME") or os.path.expanduser("~")
    return None if home == "~" else home + text[1:]
