"""Moved to kubeauth.flags, since the library reads exec blocks, too."""

from __future__ import annotations

from kubeauth.flags import BY_NAME, FLAGS, Flag, FlagError, parse, to_argv, value_of

__all__ = ["BY_NAME", "FLAGS", "Flag", "FlagError", "parse", "to_argv", "value_of"]
