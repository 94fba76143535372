"""`python -m kubeauth.testing`: run the simulator until Ctrl-C, for a shell beside it.

Prints `export` lines (an application, a person, an identity, certificates) and writes a kubeconfig.
"""

from __future__ import annotations

import shlex
import sys
import threading

from kubeauth.testing.simulator import Simulator


def main() -> int:
    """Serve until interrupted; return the exit code."""
    try:
        with Simulator() as sim:
            sys.stdout.write(_introduction(sim))
            sys.stdout.flush()
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    return 0


def _introduction(sim: Simulator) -> str:
    """Add an application, a person and an identity; return the `export` lines for a shell."""
    app = sim.tenant.add_application("pipeline")
    user = sim.tenant.add_user(f"dana@{sim.tenant.name}", groups=["platform-team"])
    sim.add_managed_identity(system_assigned=True)
    kubeconfig = sim.folder / "kubeconfig.yaml"
    kubeconfig.write_text(sim.kubeconfig(), encoding="utf-8")
    exports = {
        **sim.environ(),
        "AZURE_AUTHORITY_HOST": sim.authority,
        "AZURE_TENANT_ID": sim.tenant.id,
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_CLIENT_SECRET": app.secret,
        "KUBECONFIG": str(kubeconfig),
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    lines += [
        f"# {user.upn} signs in with any password at {sim.authority}devicelogin",
        f"# API server: {sim.cluster.server}; Ctrl-C stops all",
    ]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
