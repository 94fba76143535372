"""Open the HTTP session of one sign-in, with the limits and certificates of its settings."""

from __future__ import annotations

from kubeauth.options.settings import Settings
from kubeauth.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeauth.adapters.http import HttpSession

__all__ = ["session_for"]


def session_for(
    settings: Settings,
    system: System,
    *,
    limit: float | None = None,
    machine: bool = False,
    imds: bool = False,
) -> HttpSession:
    """Open an HTTP session as ``settings`` say; see ``http.open_session``.

    ``limit`` bounds the sign-in in seconds, in place of ``settings.timeout``.
    """
    return system.open_session(
        environ=system.environ,
        ca_file=settings.ca_file,
        limit=limit or settings.timeout,
        connect_limit=settings.connect_timeout,
        read_limit=settings.read_timeout,
        machine=machine,
        imds=imds,
    )
