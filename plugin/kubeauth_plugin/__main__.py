"""The entry point of the installed command: try the fast path, then run the full command.

This module runs on every call of kubectl, so it imports ``os`` only after a miss, as ``_hot`` does.
"""

import sys

__all__ = ["complete", "hand_out_kept", "main", "run"]

# What diagnostics.interrupted prints; scripts/kubeauth has it, too.
INTERRUPTED = b"error: interrupted\nhint: run it again when ready\n"


def hand_out_kept() -> None:
    """Write a valid record for this command line to stdout and exit; return if there is none."""
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
        if _hot.due:
            from kubeauth_plugin import _ahead

            _ahead.start(sys.argv[1:], _hot.due)
        _hot.leave()


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        hand_out_kept()
        run()
    except KeyboardInterrupt:  # while modules are imported; later, diagnostics.guarded catches it
        import os

        os.write(2, INTERRUPTED)
        os._exit(130)


def run() -> None:
    """Run the command line without the fast path, and exit with its code."""
    import os

    from kubeauth_plugin import _ahead

    if sys.argv[1:2] == [_ahead.RENEWAL]:
        _ahead.begin()
    from kubeauth_plugin.fast_cli import run_fast

    code = run_fast(sys.argv[1:])
    if code is not None:
        # As after a hit: the output is written, and the system closes open files.
        os._exit(code)
    from kubeauth_plugin import cli

    sys.exit(cli.run())


def complete() -> None:
    """Complete a command line for kubectl, which runs ``kubectl_complete-kubeauth``."""
    from kubeauth_plugin.cli import kubeauth
    from kubeauth_plugin.shell.completion import answer_kubectl

    answer_kubectl(kubeauth, sys.argv[1:])


if __name__ == "__main__":
    if not __package__:  # started by its path: `python -I -S FILE`, as on Windows
        import os

        sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
