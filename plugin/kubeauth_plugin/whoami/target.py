"""Find the cluster and the sign-in that a command is about: a context's, or the flags'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeauth.kubeconfig.entry import Cluster, UserSignIn, find_entry
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth_plugin.explain import explain, origins_in_kubeconfig
from kubeauth_plugin.trust.user import user_flags, variables_of_user

__all__ = ["Target", "explained", "find_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """One sign-in: ``context`` and ``cluster`` are empty if only flags describe it.

    ``environ`` are the variables that decide it, with those of the user's exec block;
    ``from_kubeconfig`` are the flags and the variables that the kubeconfig sets.
    """

    context: str
    cluster: Cluster | None
    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    namespace: str = ""
    from_kubeconfig: frozenset[str] = frozenset()


def find_target(
    context: str, kubeconfig: str | None, flags: Mapping[str, Any], environ: Mapping[str, str]
) -> Target:
    """Return the sign-in of ``context``, by default the current one; ``flags`` win over it.

    With a server id in ``flags`` and no context, the flags alone decide. Raises KubeconfigError,
    SettingsError, and UntrustedKubeconfig where a policy asks for approval.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if "server_id" in given and not context:
        return Target("", None, resolve(given, environ), environ)
    entry = find_entry(context, kubeconfig, environ)
    user = UserSignIn(f"context {entry.context!r}", entry.values, entry.environ)
    known = variables_of_user(user, given, user_flags(kubeconfig, entry.context), environ)
    settings = resolve({**entry.values, **given}, known)
    return Target(
        entry.context,
        entry.cluster,
        settings,
        known,
        entry.namespace,
        origins_in_kubeconfig(user, given),
    )


def explained(target: Target) -> str:
    """Return every value of a target's sign-in and where it came from, without the secrets."""
    return explain(target.settings, target.environ, target.from_kubeconfig)
