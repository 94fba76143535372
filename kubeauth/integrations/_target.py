"""Find the cluster of a client, and the credential that signs in to it."""

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
    """The options of every ``load``, besides the context.

    ``path``: a kubeconfig to read instead of the files of KUBECONFIG. ``credential`` replaces the
    context's user and ``cluster`` the context's cluster; with both, ``load`` reads no kubeconfig.
    ``namespace``: the client's default namespace. ``login``, ``trusted`` and ``show``: see
    ``kubeauth.from_kubeconfig``.
    """

    path: str | os.PathLike[str]
    cluster: Cluster
    credential: Credential
    namespace: str
    login: str
    trusted: bool
    show: Callable[[str], None]
    system: System


@dataclass(frozen=True, slots=True)
class Target:
    """An API server, a credential for it, and the default namespace."""

    name: str
    cluster: Cluster
    namespace: str
    credential: Credential


def find_target(context: str, options: LoadOptions) -> Target:
    """Return the target that ``context`` and ``options`` name.

    Raises KubeconfigError, SettingsError, and TypeError for an unknown option.
    """
    unknown = set(options) - set(LoadOptions.__annotations__)
    if unknown:
        raise TypeError(
            f"unknown option of load: {', '.join(sorted(unknown))}; pass fields of Settings to "
            "kubeauth.from_kubeconfig, and its provider to load as credential"
        )
    namespace = options.get("namespace", "")
    cluster, credential = options.get("cluster"), options.get("credential")
    if cluster is not None:
        if credential is None:
            raise SettingsError(
                "load got a cluster, but no credential for it", hint="pass a credential, too"
            )
        return Target("kubeauth", cluster, namespace or "default", credential)
    system = showing(options.get("system"), options.get("show"))
    entry = find_entry(context, options.get("path"), system.environ, signs_in=credential is None)
    if credential is None:
        login = options.get("login")
        changes = {"login": login} if login else {}
        trusted = options.get("trusted", False)
        credential = from_entry(entry, system, trusted=trusted, **changes)
    return Target(
        entry.context, entry.cluster, namespace or entry.namespace or "default", credential
    )


def tls_context(cluster: Cluster) -> ssl.SSLContext:
    """Return a TLS context that trusts the cluster's CA certificates, else the system's."""
    context = ssl.create_default_context(cadata=cluster.ca_data.decode() or None)
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def authority_file(cluster: Cluster) -> str | None:
    """Return the path of a file with the cluster's CA certificates, or None for the system's.

    Some clients read certificates only from a file. Python deletes the file when the process ends.
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
