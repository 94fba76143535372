"""Where the token cache lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubeauth import _env

__all__ = ["cache_path"]


def cache_path(cache_dir: str, environ: Mapping[str, str]) -> Path | None:
    """Give the folder: ``cache_dir``, else what the variables say, else one beside kubectl's cache.

    KUBECACHEDIR is the root of kubectl's own cache, so ours is a folder in it. None means that
    there is no home to put it in.
    """
    for text, inside in (
        (cache_dir, ""),
        (environ.get(_env.KUBEAUTH_CACHE_DIR, ""), ""),
        (environ.get(_env.KUBECACHEDIR, ""), "kubeauth"),
    ):
        if text:
            return _expanded(text) / inside
    home = _expanded("~")
    return None if str(home) == "~" else home / ".kube" / "cache" / "kubeauth"


def _expanded(text: str) -> Path:
    """Expand a leading ``~``, which kubectl leaves alone in an exec block."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)
