"""Find the cluster and the sign-in that a command is about: a context's, or the flags'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeauth.kubeconfig.entry import Cluster, Entry, find_entry
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth_plugin.trust.rule import environ_for_user, quoted
from kubeauth_plugin.trust.strict import Caller, is_strict

__all__ = ["Target", "find_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """One sign-in: ``context`` and ``cluster`` are empty if only flags describe it.

    ``environ`` are the variables that decide it, with those of the user's exec block.
    """

    context: str
    cluster: Cluster | None
    settings: Settings
    environ: Mapping[str, str] = field(repr=False)


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
    known = _variables(entry, kubeconfig, given, environ)
    settings = resolve({**entry.values, **given}, known)
    return Target(entry.context, entry.cluster, settings, known)


def _variables(
    entry: Entry,
    kubeconfig: str | None,
    given: Mapping[str, Any],
    environ: Mapping[str, str],
) -> Mapping[str, str]:
    """Return the variables that count; on a machine with a policy only those approved."""
    if not is_strict(environ, Caller((), environ)):
        return {**environ, **entry.environ}
    only_there = {name: value for name, value in entry.values.items() if name not in given}
    words = ["kubeauth", "trust", *(["--kubeconfig", kubeconfig] if kubeconfig else [])]
    trust = quoted([*words, "--context", entry.context])
    return environ_for_user(f"context {entry.context!r}", only_there, entry.environ, environ, trust)
