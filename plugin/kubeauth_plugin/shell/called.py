"""By which name this program was called: its own, or kubelogin's."""

from __future__ import annotations

import os
import sys

__all__ = ["ALIAS", "called_by_alias"]

# The name of Azure/kubelogin, which `kubeauth alias` gives to this program, too.
ALIAS = "kubelogin"


def called_by_alias() -> bool:
    """Return whether this process was started as ``kubelogin``."""
    return os.path.basename(sys.argv[0]).lower().removesuffix(".exe") == ALIAS
