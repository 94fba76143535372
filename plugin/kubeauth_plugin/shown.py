"""Remember which failure a caller's terminal shows already, so that it is not shown again.

kubectl runs its plugin up to six times for one command when the plugin fails, and prints what each
run writes to stderr.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence

from kubeauth._env import KUBERNETES_EXEC_INFO
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.names import SHOWN
from kubeauth.errors import KubeauthError
from kubeauth_plugin import _hot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["is_shown"]

# Seconds. A program that runs for hours shows the failure in full again after this.
_REMEMBERED: Final = 60.0
# Ids of one request and times, which differ although the failure is the same.
_VARIES: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|\d+")


def is_shown(error: KubeauthError, argv: Sequence[str]) -> bool:
    """Return whether the caller got this very failure a moment ago; if not, remember it.

    Only Kubernetes clients count as callers; a shell or an interpreter starts unrelated calls.
    ``argv`` is the command line without the program.
    """
    caller = _hot.caller() if KUBERNETES_EXEC_INFO in os.environ else ""
    if not caller:
        return False
    now, failure = time.time(), _VARIES.sub("0", f"{type(error).__name__} {error} {error.hint}")
    try:
        folder = PrivateFolder(_hot.cache_folder(list(argv), _hot.environment()))
        if not folder.path:
            return False
        name = _hot.digest(list(argv), _hot.environment()) + SHOWN
        before, _, shown_on = (folder.read(name) or b"").rpartition(b"\n")
        same = f"{caller}\n{failure}".encode("utf-8", "surrogateescape")
        if before == same and 0 <= now - float(shown_on) < _REMEMBERED:
            return True
        folder.write(name, same + f"\n{int(now)}".encode())
    except (OSError, ValueError):
        pass
    return False
