"""`python -m kubeauth.testing`: run the simulator until Ctrl-C, for a shell beside it.

Prints `export` lines (an application, a person, an identity, certificates), and the commands that
sign in with them; writes a kubeconfig as `az aks get-credentials` does.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import threading

from kubeauth.testing.entra.directory import AKS_CLIENT_ID
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
    sim.resource_manager.add_cluster("rg", "simulated")
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
    convert = "kubeauth convert-kubeconfig"
    public = f"--client-id {AKS_CLIENT_ID} --tenant-id {sim.tenant.id}"
    authority = f"--authority-host {sim.authority} --disable-instance-discovery"
    lines += [
        "# Paste these lines into another shell, then sign in there as the application:",
        f"#   {convert} -l spn {authority}",
        "#   kubectl get nodes",
        "# or fetch the credentials of the cluster anew, without that file:",
        f"#   kubeauth get-credentials -g rg -n simulated -l spn {authority}"
        f" --resource-manager {sim.resource_manager.url} --overwrite-existing",
        "#   kubectl get nodes",
        "# or as the managed identity of this machine:",
        "#   unset AZURE_CLIENT_ID",
        f"#   {convert} -l msi",
        "#   kubectl get nodes",
        f"# or as {user.upn}, with any password, at {sim.authority}devicelogin:",
        f"#   {convert} -l devicecode {public} {authority}",
        "#   kubectl get nodes",
        f"# API server: {sim.cluster.server}; Ctrl-C stops all",
    ]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
