"""``kubeauth logout``: delete the tokens and the session of a user."""

from __future__ import annotations

import os
from typing import Any

import click

from kubeauth.cache.storage.location import cache_path
from kubeauth.errors import SettingsError
from kubeauth.kubeconfig.entry import UserSignIn, find_sign_in
from kubeauth.options.resolve import resolve
from kubeauth_plugin import cache_admin
from kubeauth_plugin.options import kubeconfig_options, sign_in_options
from kubeauth_plugin.output import say
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]


@click.command("logout", cls=Sectioned)
@click.option("--all", "everybody", is_flag=True, help="every sign-in in this machine's cache")
@kubeconfig_options
@sign_in_options()
def command(everybody: bool, kubeconfig: str | None, context: str, user: str, **flags: Any) -> None:
    """Forget a sign-in: its tokens and what could renew them, from disk and keyring.

    That of the current context's user, another context's or user's, or --all of them. Signing in
    again is all it takes to undo this.

    \b
    kubeauth logout --context prod
    kubeauth logout --all
    """
    environ = dict(os.environ)
    given = {name: value for name, value in flags.items() if value is not None}
    if everybody or ("login" in given and not context and not user):
        sign_in = UserSignIn("")
    else:
        sign_in = find_sign_in(context, user, kubeconfig, environ)
    environ.update(sign_in.environ)
    settings = resolve({**sign_in.values, **given}, environ)
    path = cache_path(settings.cache_dir, environ)
    if path is None:
        raise SettingsError("cache-dir: there is no home folder", hint="name it with --cache-dir")
    lines = list(cache_admin.clear(path) if everybody else cache_admin.forget(path, settings))
    for line in lines or ["found no token to remove"]:
        say(line)
