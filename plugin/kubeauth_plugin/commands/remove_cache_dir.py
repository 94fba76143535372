"""``kubeauth remove-cache-dir``."""

from __future__ import annotations

import os

import click

from kubeauth.cache.folder import PrivateFolder
from kubeauth.cache.location import cache_path
from kubeauth.cache.tokens import TokenCache
from kubeauth.errors import SettingsError
from kubeauth_plugin.diagnostics import warn
from kubeauth_plugin.options import logging_options

__all__ = ["command"]


@click.command("remove-cache-dir")
@click.option(
    "--cache-dir",
    "--token-cache-dir",
    default="",
    metavar="FOLDER",
    help="folder of the token cache",
)
@logging_options
def command(cache_dir: str) -> None:
    """Delete every token and sign-in kept on this machine.

    Only kubeauth's own files are deleted; the folder goes with them if nothing else is in it.
    """
    path = cache_path(cache_dir, os.environ)
    if path is None:
        raise SettingsError("cache-dir: there is no home folder", hint="name it with --cache-dir")
    try:
        removed = TokenCache(PrivateFolder(path), warn).clear()
    except OSError as error:
        raise SettingsError(
            f"cache-dir: cannot clear {path} ({error})", hint="check who owns the folder"
        ) from error
    kinds = {"tokens": ".token.json", "sign-ins": ".session.json"}
    counts = [f"{sum(n.endswith(end) for n in removed)} {kind}" for kind, end in kinds.items()]
    click.echo(f"removed {' and '.join(counts)} from {path}")
