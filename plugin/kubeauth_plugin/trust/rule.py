"""The rule for kubeconfigs where a policy counts: they may not do more than in the library."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kubeauth import _env
from kubeauth.errors import KubeauthError
from kubeauth.kubeconfig.approvals import unapproved
from kubeauth.kubeconfig.entry import read_kubeconfigs
from kubeauth.kubeconfig.sign_in import SignIn, sign_in_of
from kubeauth.kubeconfig.trust import demands, named_variables, refuse, variables_that_count
from kubeauth.options.resolve import resolve
from kubeauth_plugin.trust.strict import Caller

__all__ = ["environ_for_call", "environ_for_user", "quoted", "trust_command"]

# Variables of the machine that vouch for an authority or for certificates. Where the caller's
# variables are unknown, a kubeconfig could have set them.
_VOUCHING: Final = (_env.AZURE_AUTHORITY_HOST, *_env.CA_FILES)


def environ_for_call(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    caller: Caller | None,
    argv: Sequence[str],
) -> dict[str, str]:
    """Return the variables that a call of get-token may use.

    ``flags`` are those of the call, all from the kubeconfig; ``environ`` holds the variables of its
    exec block, too. Raises UntrustedKubeconfig for what nobody has approved.
    """
    values = {name: value for name, value in flags.items() if value is not None}
    where = "get-token: this machine has a policy for credential plugins"
    contract = {_env.KUBERNETES_EXEC_INFO: environ[_env.KUBERNETES_EXEC_INFO]}
    if caller is None:
        machine = {name: value for name, value in environ.items() if name not in _VOUCHING}
        known = resolve(values, environ)
        asked = unapproved(demands(values, {}, machine, known), {})
        if asked:
            refuse(where, asked, _hint(trust_command(argv, environ, None)))
        return dict(environ)
    added = {name: text for name, text in environ.items() if caller.environ.get(name) != text}
    allowed = variables_that_count(added)
    settings = resolve(values, {**caller.environ, **allowed})
    allowed.update(named_variables(settings, added))
    asked = unapproved(demands(values, added, caller.environ, settings), caller.environ)
    if asked:
        refuse(where, asked, _hint(trust_command(argv, caller.environ, caller)))
    return {**caller.environ, **allowed, **contract}


def environ_for_user(
    name: str,
    values: Mapping[str, Any],
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    trust: str,
) -> dict[str, str]:
    """Return the variables for a sign-in as a user of a kubeconfig, as `kubeauth login` does it.

    ``trust`` is the command that approves what this user asks for. Raises as ``environ_for_call``.
    """
    allowed = variables_that_count(variables)
    settings = resolve(values, {**environ, **allowed})
    asked = unapproved(demands(values, variables, environ, settings), environ)
    refuse(name or "login", asked, _hint(trust))
    return {**environ, **allowed, **named_variables(settings, variables)}


def _hint(command: str) -> str:
    return f"see what it is, and approve it if you want it: `{command}`"


def trust_command(argv: Sequence[str], environ: Mapping[str, str], caller: Caller | None) -> str:
    """Return the command that approves the user whose exec block has the arguments ``argv``."""
    file = caller.flag("kubeconfig") if caller else ""
    wanted = caller.flag("context") if caller else ""
    words = ["kubeauth", "trust", *(["--kubeconfig", file] if file else [])]
    try:
        merged = read_kubeconfigs(file or None, environ)
        names = [
            context.name
            for context in merged.contexts.values()
            if context.user in merged.users and _has_arguments(merged.users[context.user], argv)
        ]
    except KubeauthError:
        return quoted(words)
    name = next((n for n in (wanted, merged.current_context, *names) if n and n in names), "")
    return quoted([*words, *(["--context", name] if name else [])])


def _has_arguments(user: Any, argv: Sequence[str]) -> bool:
    try:
        found = sign_in_of(user)
    except KubeauthError:
        return False
    return isinstance(found, SignIn) and list(found.args[-len(argv) :]) == list(argv)


def quoted(words: Sequence[str]) -> str:
    """Return a command line for the shell; on Windows for cmd and PowerShell."""
    if os.name == "nt":
        return " ".join(f'"{word}"' if " " in word else word for word in words)
    return shlex.join(words)
