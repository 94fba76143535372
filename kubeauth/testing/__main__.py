"""`python -m kubeauth.testing`: run the simulator until Ctrl-C, for a shell beside it."""

from __future__ import annotations

import argparse
import sys
import threading

from kubeauth.testing.introduction import introduction
from kubeauth.testing.simulator import Simulator


def main() -> int:
    """Serve until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(
        "python -m kubeauth.testing",
        description="Play Entra ID, the instance metadata service and a Kubernetes API server on"
        " free ports of 127.0.0.1, until Ctrl-C. Prints what another shell has to export, and the"
        " commands that sign in there.",
    )
    parser.parse_args()
    try:
        with Simulator() as sim:
            sys.stdout.write(introduction(sim))
            sys.stdout.flush()
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
