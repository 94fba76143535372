"""Import MSAL without the parts that kubeauth never uses.

Importing the package ``msal`` also imports its managed identity client and, for that, requests, and
its own receiver of browser redirects with an HTTP server. That is more than half of its import, and
the import is more than half of a cold sign-in.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType, SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["load_msal"]

_UNLOGGED = ("client_assertion", "code", "code_verifier", "device_code")
_RECEIVER = "msal.oauth2cli.authcode"


def load_msal(*, lean: bool) -> SimpleNamespace:
    """Return MSAL's applications, caches and error; with ``lean``, import only these.

    Use ``lean`` only in kubeauth's own process: a program that uses MSAL itself needs all of it.
    """
    if lean and "msal" not in sys.modules:
        _import_application()
    application = importlib.import_module("msal.application")
    caches = importlib.import_module("msal.token_cache")
    return SimpleNamespace(
        ConfidentialClientApplication=application.ConfidentialClientApplication,
        PublicClientApplication=application.PublicClientApplication,
        TokenCache=_discreet(caches.TokenCache),
        SerializableTokenCache=_discreet(caches.SerializableTokenCache),
        MsalServiceError=importlib.import_module("msal.exceptions").MsalServiceError,
    )


def _discreet(kind: Any) -> Any:
    """Return a token cache of MSAL's that cannot log how a token was obtained.

    NOTE: MSAL logs each event on level DEBUG, and leaves codes and assertions in it.
    """

    class Discreet(kind):  # type: ignore[misc]
        def add(self, event: dict[str, Any], **more: Any) -> Any:
            data = {n: v for n, v in event.get("data", {}).items() if n not in _UNLOGGED}
            return super().add({**event, "data": data}, **more)

    return Discreet


def _import_application() -> None:
    """Import ``msal.application`` with stand-ins for the package and the receiver, then drop them.

    A later ``import msal`` finds no stand-in, and runs the package's own ``__init__``.
    """
    spec = importlib.util.find_spec("msal")
    if spec is None:
        return
    # Each application checks the version of this package, which imports all of MSAL.
    modules: dict[str, Any] = sys.modules
    modules["msal_extensions"] = None
    package: Any = ModuleType("msal")
    package.__path__ = list(spec.submodule_search_locations or ())
    package.__spec__ = spec
    # If a version of MSAL uses other names of its package, import the whole package.
    package.__getattr__ = lambda name: getattr(importlib.import_module("msal"), name)
    receiver: Any = ModuleType(_RECEIVER)
    receiver.AuthCodeReceiver = _not_here
    receiver.is_wsl = _not_here
    modules |= {"msal": package, _RECEIVER: receiver}
    try:
        importlib.import_module("msal.application")
        importlib.import_module("msal.auth_scheme")
    finally:
        for name in ("msal", _RECEIVER):
            modules.pop(name, None)


def _not_here(*_: Any, **__: Any) -> Any:
    raise RuntimeError("MSAL's own receiver of redirects is not used here")
