"""Choose the commands of a wheel for the system that it is for.

On Linux and macOS, ``kubeauth`` is the script scripts/kubeauth, which starts faster than an entry
point. Windows cannot run that script: there it is an entry point, of which pip makes kubeauth.exe.
So there are two wheels, and pip takes the one for Windows there. KUBEAUTH_WHEEL names the system
(``windows`` or ``posix``) if it is not the one that builds.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_MAIN = "kubeauth_plugin.__main__:main"
_COMPLETE = "kubeauth_plugin.__main__:complete"
_WINDOWS = "py3-none-win32.win_amd64.win_arm64"


def _for_windows() -> bool:
    return (os.environ.get("KUBEAUTH_WHEEL") or os.name) in ("windows", "nt")


class Scripts(MetadataHookInterface):
    """The entry points, one name for each command."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the entry points: those that `kubectl kubeauth` and its completion run."""
        metadata["scripts"] = {"kubectl-kubeauth": _MAIN, "kubectl_complete-kubeauth": _COMPLETE}
        if _for_windows():
            metadata["scripts"]["kubeauth"] = _MAIN


class Wheel(BuildHookInterface):
    """The wheel's tag, and the script."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Mark a wheel for Windows as that; give the others the script."""
        if _for_windows():
            build_data["tag"] = _WINDOWS
        else:
            build_data["shared_scripts"]["scripts/kubeauth"] = "kubeauth"
