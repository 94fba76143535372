"""The entry point of the installed command: the fast way if there is one, else all of it.

No ``from __future__`` here: this runs on every call of kubectl, and that is a module, too.
"""

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:2] == ["get-token"]:
        from kubeauth_plugin import _hot

        try:
            served = _hot.serve(sys.argv[1:])
        except OSError:
            sys.exit(1)
        if served:
            # Nothing is open or buffered; taking the interpreter apart would only cost time.
            os._exit(0)
    from kubeauth_plugin.plain import run_plain

    code = run_plain(sys.argv[1:])
    if code is None:
        from kubeauth_plugin.cli import run

        code = run()
    sys.exit(code)


if __name__ == "__main__":
    main()
