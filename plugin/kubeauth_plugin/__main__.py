"""The entry point of the installed command: the fast way if there is one, else all of it.

No ``from __future__`` here: this runs on every call of kubectl, and that is a module, too.
"""

import os
import sys

__all__ = ["hand_out_kept", "main", "run"]


def hand_out_kept() -> None:
    """Write the kept credential that is asked for to stdout and exit, if there is a good one."""
    if sys.argv[1:2] != ["get-token"]:
        return
    from kubeauth_plugin import _hot

    try:
        served = _hot.serve(sys.argv[1:])
        if not served:
            from kubeauth_plugin import _leader

            served = _leader.serve_after_leader(sys.argv[1:])
    except OSError:
        sys.exit(1)
    if served:
        # Nothing is open or buffered; taking the interpreter apart would only cost time.
        os._exit(0)


def main() -> None:
    """Run the command line and exit with its code."""
    hand_out_kept()
    run()


def run() -> None:
    """Run the command line without looking for a kept credential, and exit with its code."""
    from kubeauth_plugin.fast_cli import run_fast

    code = run_fast(sys.argv[1:])
    if code is not None:
        # As after a hit: the answer is written, and the system closes what is open.
        os._exit(code)
    from kubeauth_plugin import cli

    sys.exit(cli.run())


if __name__ == "__main__":
    main()
