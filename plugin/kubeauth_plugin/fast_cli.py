"""Run ``get-token`` without click, for the command lines that kubectl runs: known flags only.

Loading click takes a fifth of a sign-in. Leave other command lines (help, mistakes, flags outside
the table) to click.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeauth.options.flags import BY_NAME, parse, value_of
from kubeauth_plugin.diagnostics import guarded
from kubeauth_plugin.get_token import hand_out

__all__ = ["run_fast"]


def run_fast(argv: Sequence[str]) -> int | None:
    """Run ``argv`` (without the program) and return its exit code, or None if click has to."""
    if list(argv[:1]) != ["get-token"]:
        return None
    try:
        texts, others = parse(argv[1:])
        flags = {BY_NAME[name].field: value_of(BY_NAME[name], text) for name, text in texts.items()}
    except ValueError:
        return None
    if others:
        return None
    return guarded(lambda: hand_out(flags, argv))
