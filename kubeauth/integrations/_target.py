"""Which cluster a client is for, and who signs in to it."""

from __future__ import annotations

import atexit
import contextlib
import os
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from kubeauth.credential import Credential
from kubeauth.errors import SettingsError
from kubeauth.factory import from_entry
from kubeauth.kubeconfig.entry import Cluster, find_entry
from kubeauth.providers._bases.person import showing
from kubeauth.system import System

__all__ = ["LoadOptions", "Target", "authority_file", "find_target", "tls_context"]


class LoadOptions(TypedDict, total=False):
    """What every ``load`` takes besides the context.

    ``path`` is a kubeconfig to read instead of the files of KUBECONFIG. ``credential`` signs in
    instead of the context's user, ``cluster`` is used instead of the context's cluster; with both,
    no kubeconfig is read. ``namespace`` is the client's default one. ``login`` and ``show`` are
    those of ``kubeauth.from_kubeconfig``.
    """

    path: str | os.PathLike[str]
    cluster: Cluster
    credential: Credential
    namespace: str
    login: str
    show: Callable[[str], None]
    system: System


@dataclass(frozen=True, slots=True)
class Target:
    """An API server, a credential for it, and the namespace that is meant where none is named."""

    name: str
    cluster: Cluster
    namespace: str
    credential: Credential


def find_target(context: str, options: LoadOptions) -> Target:
    """Give what ``context`` and ``options`` mean.

    Raises KubeconfigError, SettingsError, and TypeError for an option that there is not.
    """
    unknown = set(options) - set(LoadOptions.__annotations__)
    if unknown:
        raise TypeError(
            f"no option of load: {', '.join(sorted(unknown))}; fields of Settings go to "
            "kubeauth.from_kubeconfig, whose provider is the option credential"
        )
    namespace = options.get("namespace", "")
    cluster, credential = options.get("cluster"), options.get("credential")
    if cluster is not None:
        if credential is None:
            raise SettingsError(
                "a cluster was given, but nobody to sign in to it", hint="give a credential, too"
            )
        return Target("kubeauth", cluster, namespace or "default", credential)
    system = showing(options.get("system"), options.get("show"))
    entry = find_entry(context, options.get("path"), system.environ, signs_in=credential is None)
    if credential is None:
        login = options.get("login")
        credential = from_entry(entry, system, **({"login": login} if login else {}))
    return Target(
        entry.context, entry.cluster, namespace or entry.namespace or "default", credential
    )


def tls_context(cluster: Cluster) -> ssl.SSLContext:
    """Give what checks the server's certificate: the cluster's authority, else the system's."""
    context = ssl.create_default_context(cadata=cluster.ca_data.decode() or None)
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def authority_file(cluster: Cluster) -> str | None:
    """Give a file with the cluster's certificates, None for the system's; it lives until the end.

    Clients that take certificates from a file only need one.
    """
    if not cluster.ca_data:
        return None
    handle, name = tempfile.mkstemp(prefix="kubeauth-ca-", suffix=".pem")
    with os.fdopen(handle, "wb") as file:
        file.write(cluster.ca_data)

    def remove() -> None:
        with contextlib.suppress(OSError):
            os.unlink(name)

    atexit.register(remove)
    return name
