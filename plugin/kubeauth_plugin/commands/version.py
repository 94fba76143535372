"""``kubeauth version``: print the versions that a bug report needs."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import metadata

import click

from kubeauth.adapters.programs import find_program
from kubeauth_plugin.options import logging_options
from kubeauth_plugin.output import say

__all__ = ["command"]

# What a sign-in depends on most.
_PACKAGES = ("msal", "azure-identity", "cryptography", "keyring", "requests", "truststore")
_PROGRAMS = ("kubectl", "kubelogin", "az", "azd")


@click.command("version")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@logging_options
def command(output: str) -> None:
    """Print the versions that a bug report needs; runs no program.

    \b
    kubeauth version
    kubeauth version -o json
    """
    found = {"kubeauth": metadata.version("kubeauth"), **_surroundings()}
    if output == "json":
        say(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        say(f"{name} {value}")


def _surroundings() -> dict[str, str]:
    """Return the versions of Python, system and packages, and where programs are."""
    found = {
        "python": f"{platform.python_version()}, {platform.python_implementation()}",
        "runs in": sys.prefix,
        "system": platform.platform(),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    for program in _PROGRAMS:
        found[program] = find_program(program, os.environ) or "not on PATH"
    return found
