"""One context of the kubeconfig: where its cluster is, and how its user signs in."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeauth.errors import KubeconfigError, SettingsError, did_you_mean
from kubeauth.files import read_bytes
from kubeauth.kubeconfig.files import find_files, load, malformed
from kubeauth.kubeconfig.merge import Item, Merged, merge, text_of
from kubeauth.kubeconfig.sign_in import OtherUser, sign_in_of

__all__ = ["Cluster", "Entry", "UserSignIn", "find_entry", "find_sign_in", "read_kubeconfigs"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where an API server is, and whom to trust there.

    ``ca_data`` are certificates (PEM) to trust instead of the system's. ``tls_server_name`` is the
    name in the server's certificate if it is not that of its address, ``proxy_url`` the proxy on
    the way. ``insecure`` checks no certificate at all.
    """

    server: str
    ca_data: bytes = field(default=b"", repr=False)
    tls_server_name: str = ""
    proxy_url: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One context: ``values`` are the settings of its user, by field of Settings.

    ``environ`` are the variables that kubectl would set for the plugin.
    """

    context: str
    namespace: str
    cluster: Cluster
    values: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserSignIn:
    """How one user signs in; ``name`` is what to call the user, values as in ``Entry``."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_kubeconfigs(path: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Merged:
    """Read ``path``, or else the files that ``environ`` names, as kubectl does.

    Raises KubeconfigError if there is none or one cannot be understood.
    """
    paths = find_files(path, environ)
    files = [file for each in paths if (file := load(each)) is not None]
    if not files:
        raise KubeconfigError(
            f"there is no kubeconfig ({os.pathsep.join(map(str, paths)) or 'KUBECONFIG is empty'})",
            hint="fetch a cluster with `kubeauth get-credentials -g GROUP -n CLUSTER` (`kubeauth "
            "clusters` lists them), or name a file (KUBECONFIG, --kubeconfig, in Python path=); to "
            "sign in without, name a server (--server-id)",
        )
    return merge(files)


def find_entry(
    context: str,
    path: str | os.PathLike[str] | None,
    environ: Mapping[str, str],
    *,
    signs_in: bool = True,
) -> Entry:
    """Return what the kubeconfig says of ``context``, by default its current one.

    ``path`` is read instead of the files that ``environ`` names. With ``signs_in`` False, the user
    is not read. Raises KubeconfigError for a file that cannot be understood or a user that does not
    sign in to Entra ID, SettingsError for a name that is in no file.
    """
    merged = read_kubeconfigs(path, environ)
    name = _chosen(merged, context)
    found = _named("context", name, merged.contexts)
    user = UserSignIn(name)
    if signs_in:
        user = _sign_in(_named("user", found.user, merged.users), f"context {name!r}")
    cluster = _cluster(_named("cluster", found.cluster, merged.clusters))
    return Entry(name, found.namespace, cluster, user.values, user.environ)


def find_sign_in(
    context: str,
    user: str,
    path: str | os.PathLike[str] | None,
    environ: Mapping[str, str],
) -> UserSignIn:
    """Return how a user signs in: the named one, else that of the named or the current context.

    ``path`` is read instead of the files that ``environ`` names. Raises as ``find_entry`` does.
    """
    merged = read_kubeconfigs(path, environ)
    if user:
        where = f"user {user!r}"
    else:
        context = _chosen(merged, context)
        user, where = _named("context", context, merged.contexts).user, f"context {context!r}"
    return _sign_in(_named("user", user, merged.users), where)


def _chosen(merged: Merged, context: str) -> str:
    if not (context or merged.current_context):
        raise SettingsError(
            "no context is chosen, and the kubeconfig has no current one",
            hint="name one (--context), or choose one with `kubectl config use-context NAME`",
        )
    return context or merged.current_context


def _named(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    if name and name in known:
        return known[name]
    names = sorted(filter(None, known))
    raise SettingsError(
        f"{kind} {name!r} is in no kubeconfig",
        hint=did_you_mean(name, names) + f"there are: {', '.join(names) or 'none'}",
    )


def _sign_in(user: Item, where: str) -> UserSignIn:
    found = sign_in_of(user)
    if isinstance(found, OtherUser):
        raise KubeconfigError(
            f"{where}: its user does not sign in to Entra ID ({found.reason})",
            hint="name another context",
        )
    try:
        return UserSignIn(where, found.settings, found.environ)
    except ValueError as error:
        raise malformed(user.file, user.node, f"{where}: exec.args: {error}") from None


def _cluster(item: Item) -> Cluster:
    fields = item.fields("cluster")

    def text(name: str) -> str:
        return text_of(fields.get(name), item.file, f"the cluster {item.name!r}: {name}")

    if not text("server"):
        raise malformed(item.file, item.node, f"the cluster {item.name!r} has no server")
    try:
        pem = base64.b64decode("".join(text("certificate-authority-data").split()), validate=True)
        if not pem and (name := text("certificate-authority")):
            pem = read_bytes(str(item.file.path.parent / name))
    except (binascii.Error, ValueError, OSError) as error:
        raise malformed(
            item.file,
            item.node,
            f"the certificate authority of the cluster {item.name!r} cannot be read",
        ) from error
    return Cluster(
        text("server"),
        pem,
        text("tls-server-name"),
        text("proxy-url"),
        text("insecure-skip-tls-verify").lower() == "true",
    )
