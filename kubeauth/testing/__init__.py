"""A simulated Entra ID, IMDS and Kubernetes API server, to test sign-in pipelines without Azure.

    from kubeauth.testing import Fault, Simulator

    with Simulator() as sim:
        app = sim.tenant.add_application("ci")
        sim.authority, sim.ca_file, sim.tenant.id, app.client_id, app.secret

The simulator speaks real TLS with a certificate authority of its own, checks requests as strictly
as Entra ID does, and logs every request. Importing this module takes no time; the first use of a
name imports `cryptography` and PyJWT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.directory import (
        AKS_CLIENT_ID,
        AKS_SERVER_ID,
        Application,
        ManagedIdentity,
        Tenant,
        User,
    )
    from kubeauth.testing.entra.issuer import Issuer
    from kubeauth.testing.simulator import Simulator
    from kubeauth.testing.wire.faults import Fault
    from kubeauth.testing.wire.requestlog import RequestRecord

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
    "AKS_CLIENT_ID": "entra.directory",
    "AKS_SERVER_ID": "entra.directory",
    "Application": "entra.directory",
    "Cluster": "entra.cluster",
    "Fault": "wire.faults",
    "Issuer": "entra.issuer",
    "ManagedIdentity": "entra.directory",
    "RequestRecord": "wire.requestlog",
    "Simulator": "simulator",
    "Tenant": "entra.directory",
    "User": "entra.directory",
}


def __getattr__(name: str) -> Any:
    """Return a public name; import its module at the first use (PEP 562)."""
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
