"""The entry point of the installed command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    from kubeauth_plugin.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
