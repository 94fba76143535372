"""The settings of a kubeconfig's user for a command that a person runs, with their flags."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from kubeauth.kubeconfig.entry import UserSignIn, find_sign_in
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth_plugin.trust.rule import environ_for_user, quoted
from kubeauth_plugin.trust.strict import Caller, is_strict

__all__ = ["settings_of_user", "user_flags", "variables_of_user"]


def settings_of_user(flags: Mapping[str, Any]) -> tuple[UserSignIn, Settings, Mapping[str, str]]:
    """Return the kubeconfig's entry, how the user signs in, and the variables that count.

    ``flags`` are by field of Settings, and `kubeconfig`, `context` and `user`; None is not given.
    Flags win over the kubeconfig; with a server id alone, the kubeconfig does not count. Raises
    SettingsError and KubeconfigError, UntrustedKubeconfig where a policy counts.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    kubeconfig = given.pop("kubeconfig", None)
    context, user = given.pop("context", ""), given.pop("user", "")
    environ: Mapping[str, str] = dict(os.environ)
    if "server_id" in given and not context and not user:
        sign_in = UserSignIn("")
    else:
        sign_in = find_sign_in(context, user, kubeconfig, environ)
    named = user_flags(kubeconfig, context, user)
    known = variables_of_user(sign_in, given, named, environ)
    return sign_in, resolve({**sign_in.values, **given}, known), known


def user_flags(kubeconfig: str | None = None, context: str = "", user: str = "") -> list[str]:
    """Return the flags that name a user of a kubeconfig, for a command to type."""
    named = {"--kubeconfig": kubeconfig, "--context": context, "--user": user}
    return [word for flag, value in named.items() if value for word in (flag, value)]


def variables_of_user(
    sign_in: UserSignIn,
    given: Mapping[str, Any],
    named: Sequence[str],
    environ: Mapping[str, str],
) -> Mapping[str, str]:
    """Return the variables that count for a user; on a machine with a policy only those approved.

    ``given`` are typed settings, which a policy does not ask about; ``named`` are the flags that
    name the user again. Raises UntrustedKubeconfig.
    """
    if not is_strict(environ, Caller((), environ)):
        return {**environ, **sign_in.environ}
    only_there = {name: value for name, value in sign_in.values.items() if name not in given}
    trust = quoted(["kubeauth", "trust", *named])
    return environ_for_user(sign_in.name, only_there, sign_in.environ, environ, trust)
