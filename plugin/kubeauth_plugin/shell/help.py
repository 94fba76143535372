"""The help of a command: its flags in sections, each with its default and its variables."""

from __future__ import annotations

from typing import Final

import click

__all__ = ["Sectioned"]

_OTHER: Final = "What to do"
_SIGN_IN: Final = "How to sign in"
# Section -> the parameters in it. One that stands in none belongs to _SIGN_IN if it is in the table
# of flags, else to _OTHER.
_SECTIONS: Final = {
    _OTHER: (),
    "Which cluster": (
        *("kubeconfig", "context", "contexts", "user", "users", "clusters", "name"),
        *("resource_group", "cluster_subscription", "subscriptions", "groups", "server_id"),
        *("legacy", "everybody"),
    ),
    "Who signs in": (
        *("login", "tenant_id", "client_id", "username", "login_hint", "environment"),
        *("authority_host", "identity_resource_id", "identity_object_id", "subscription"),
    ),
    _SIGN_IN: (),
    "Cache and time limits": (
        *("cache_dir", "cache_storage", "no_background_refresh", "force_refresh", "timeout"),
        *("connect_timeout", "read_timeout", "person_timeout"),
    ),
    "Output and help": ("output", "verbosity", "explain", "dry_run", "diff", "help"),
}


class Sectioned(click.Command):
    """A command whose help shows its flags in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        from kubeauth.options.flags import BY_FIELD

        lines: dict[str, list[tuple[str, str]]] = {name: [] for name in _SECTIONS}
        for parameter in self.get_params(ctx):
            shown = parameter.get_help_record(ctx)
            if shown is None:
                continue
            name = "help" if "--help" in parameter.opts else str(parameter.name)
            found = (section for section, names in _SECTIONS.items() if name in names)
            lines[next(found, _SIGN_IN if name in BY_FIELD else _OTHER)].append(shown)
        for section, shown_lines in lines.items():
            if shown_lines:
                with formatter.section(section):
                    formatter.write_dl(shown_lines)
