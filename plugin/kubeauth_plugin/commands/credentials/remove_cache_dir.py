"""``kubeauth remove-cache-dir``: delete every cached token."""

from __future__ import annotations

import os

import click

from kubeauth.cache.storage.location import cache_path
from kubeauth.errors import SettingsError
from kubeauth_plugin.cache_admin import clear
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.output import say

__all__ = ["command"]


@click.command("remove-cache-dir")
@click.option(
    "--cache-dir", "--token-cache-dir", default="", metavar="FOLDER", help="folder of the cache"
)
@logging_options
def command(cache_dir: str) -> None:
    """Delete every cached token and session on this machine.

    Deletes kubeauth's own files and its key in the keyring, and the folder if it is empty then.

    \b
    kubeauth remove-cache-dir
    kubeauth remove-cache-dir --cache-dir FOLDER
    """
    path = cache_path(cache_dir, os.environ)
    if path is None:
        raise SettingsError(
            "cache-dir: there is no home folder", hint="name the cache's folder with --cache-dir"
        )
    for line in clear(path):
        say(line)
