"""Approve what a person typed on convert-kubeconfig's own command line: they said it already."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from kubeauth import _env
from kubeauth.errors import KubeauthError
from kubeauth.kubeconfig.approvals import approve
from kubeauth.kubeconfig.files import load
from kubeauth.kubeconfig.merge import merge
from kubeauth.kubeconfig.sign_in import SignIn, sign_in_of
from kubeauth.kubeconfig.trust import demands, variables_that_count
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import FLAGS
from kubeauth_plugin.convert.plan import Plan
from kubeauth_plugin.convert.request import ConvertRequest, is_set

__all__ = ["approve_typed"]

# The settings that can be approved by typing them.
_DECIDING: Final = (
    *(flag.field for flag in FLAGS if flag.names in ("program", "source")),
    *("ca_file", "authority_host"),
)


def approve_typed(plan: Plan, request: ConvertRequest, environ: Mapping[str, str]) -> None:
    """Approve the typed settings of all users that now have them.

    What only the old entry says stays unapproved. Raises SettingsError if an approval cannot be
    written down.
    """
    typed = {name for name in _DECIDING if is_set(request.typed.get(name))}
    if request.azure_config_dir:
        typed.add(_env.AZURE_CONFIG_DIR)
    done = {row.user: row.file for row in plan.rows if row.status in ("converted", "unchanged")}
    if not typed or not done:
        return
    files = [file for path in dict.fromkeys(done.values()) if (file := load(path)) is not None]
    users = merge(files).users
    for name in done:
        found = sign_in_of(users[name]) if name in users else None
        if not isinstance(found, SignIn):
            continue
        try:
            values = found.settings
            settings = resolve(values, {**environ, **variables_that_count(found.environ)})
        except (KubeauthError, ValueError):
            continue  # a sign-in will say what is wrong with it
        asked = demands(values, found.environ, environ, settings, possible=True)
        said = [demand for demand in asked if demand.name in typed]
        contexts = ", ".join(context.name for context in users[name].contexts)
        approve(
            said, f"context {contexts!r}" if contexts else f"user {name!r}", environ, time.time()
        )
