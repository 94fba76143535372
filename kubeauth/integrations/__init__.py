"""Kubernetes clients that sign in with kubeauth, one module each, imported when it is used.

    import kubeauth

    api = kubeauth.integrations.kubernetes.load(context="prod")

``kubernetes``, ``kubernetes_asyncio``, ``kr8s`` and ``lightkube`` give a client of that name that
always has a token; ``httpx`` and ``requests`` have an authentication for any of their clients. None
of these packages comes with kubeauth.

What they do alike: the token is asked for before every request, so it is never over; a 401 is
answered by one more request with a new token; and what prevents a sign-in is raised as one of
kubeauth's errors, from the call that needed the token.
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
