"""A simulated Entra ID, IMDS and Kubernetes API server, to test sign-in pipelines without Azure.

    from kubeauth.testing import Fault, Simulator

    with Simulator() as sim:
        app = sim.tenant.add_application("ci")
        sim.authority, sim.ca_file, sim.tenant.id, app.client_id, app.secret

It speaks real TLS with a certificate authority of its own, verifies what clients send as strictly
as Entra ID does, and logs every request. Importing this module costs nothing; the first use of a
name imports `cryptography` and PyJWT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._cluster import Cluster
    from ._directory import (
        AKS_CLIENT_ID,
        AKS_SERVER_ID,
        Application,
        ManagedIdentity,
        Tenant,
        User,
    )
    from ._faults import Fault
    from ._issuer import Issuer
    from ._requestlog import RequestRecord
    from .simulator import Simulator

__all__ = [
    "AKS_CLIENT_ID",
    "AKS_SERVER_ID",
    "Application",
    "Cluster",
    "Fault",
    "Issuer",
    "ManagedIdentity",
    "RequestRecord",
    "Simulator",
    "Tenant",
    "User",
]

_HOMES = {
    "AKS_CLIENT_ID": "_directory",
    "AKS_SERVER_ID": "_directory",
    "Application": "_directory",
    "Cluster": "_cluster",
    "Fault": "_faults",
    "Issuer": "_issuer",
    "ManagedIdentity": "_directory",
    "RequestRecord": "_requestlog",
    "Simulator": "simulator",
    "Tenant": "_directory",
    "User": "_directory",
}


def __getattr__(name: str) -> Any:
    """Return a public name, importing its module at the first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
