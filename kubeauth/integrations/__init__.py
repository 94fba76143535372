"""Kubernetes clients that sign in with kubeauth, one module each, imported when it is used.

    import kubeauth

    api = kubeauth.integrations.kubernetes.load(context="prod")

``kubernetes``, ``kubernetes_asyncio``, ``kr8s`` and ``lightkube`` return a client of that name that
always has a token. ``httpx`` and ``requests`` contain an authentication class for their clients.
Installing kubeauth does not install these packages.

A client gets the token before every request, so the token is never expired. After a 401 it sends
the request once more with a new token. If a sign-in fails, the call that needs the token raises an
error of kubeauth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeauth.integrations import (
        httpx,
        kr8s,
        kubernetes,
        kubernetes_asyncio,
        lightkube,
        requests,
    )

__all__ = ["httpx", "kr8s", "kubernetes", "kubernetes_asyncio", "lightkube", "requests"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("kubeauth"):
            raise
        raise ModuleNotFoundError(
            f"{__name__}.{name} needs the package {name} (pip install {name})", name=error.name
        ) from error


def __dir__() -> list[str]:
    return sorted(__all__)
