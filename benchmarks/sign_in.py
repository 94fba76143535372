"""How long a call of kubectl waits for kubeauth: `python benchmarks/sign_in.py [RUNS]`.

Whole processes against the simulator, the compared ones in turn, medians. Absolute times say
something about this machine only; the ratios are what to look at.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kubeauth.testing import Simulator

BIN = Path(sys.executable).parent
KUBEAUTH = str(BIN / "kubeauth")
KUBELOGIN_INFO = (
    '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",'
    '"spec":{"interactive":false}}'
)
AZURE_IDENTITY = """
import os, sys
from azure.identity import {kind}
credential = {kind}({arguments})
print(credential.get_token(sys.argv[1] + "/.default").token)
"""


class Bench:
    """The simulator, an environment without anything of this machine's, and commands in it."""

    def __init__(self, sim: Simulator, home: Path, runs: int) -> None:
        self.sim, self.home, self.runs = sim, home, runs
        self.environ = {
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "HOME": str(home),
            "KUBERNETES_EXEC_INFO": KUBELOGIN_INFO,
            **sim.environ(),
        }
        self.always = (
            *("get-token", "--server-id", sim.cluster.server_id),
            *("--authority-host", sim.authority, "--disable-instance-discovery"),
        )
        app = sim.tenant.add_application("benchmark")
        self.app = app
        identity = ("--tenant-id", sim.tenant.id, "--client-id", app.client_id)
        self.spn = ("-l", "spn", *identity, "--client-secret", app.secret)
        issuer = sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject="benchmark")
        token = home / "federated-token"
        token.write_text(issuer.mint(subject="benchmark", expires_in=86400))
        self.federated_token = str(token)
        self.workload = ("-l", "workloadidentity", *identity, "--federated-token-file", str(token))
        sim.add_managed_identity(sim.tenant, system_assigned=True)

    def medians(self, commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Run the commands in turn and give each one's median in milliseconds."""
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(self.runs + 1):  # the first round warms the disk's cache
            for name, command in commands.items():
                times[name].append(self.once(command))
        return {name: statistics.median(all_[1:]) for name, all_ in times.items()}

    def once(self, command: Sequence[str]) -> float:
        begun = time.perf_counter()
        subprocess.run(
            command,
            env=self.environ,
            check=True,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        return (time.perf_counter() - begun) * 1000

    def azure_identity(self, kind: str, **arguments: str) -> list[str]:
        listed = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        if kind != "ManagedIdentityCredential":
            listed += f", authority={self.sim.authority!r}, disable_instance_discovery=True"
        script = AZURE_IDENTITY.format(kind=kind, arguments=listed)
        return [sys.executable, "-c", script, self.sim.cluster.server_id]


def hits(bench: Bench) -> None:
    """A kept credential, compared with the interpreter alone."""
    python = [sys.executable, "-I", "-S", "-c", "pass"]
    commands = {
        "python -I -S -c pass": python,
        "python -I -c pass": [sys.executable, "-I", "-c", "pass"],
        "kubeauth get-token, a hit": [KUBEAUTH, *bench.always, *bench.spn],
    }
    for file in (BIN.parent.parent / "dist").glob("*.pyz"):  # scripts/release.py makes it
        commands[f"{file.name} get-token, a hit"] = [str(file), *bench.always, *bench.spn]
    gke = shutil.which("gke-gcloud-auth-plugin")
    if gke:
        commands["gke-gcloud-auth-plugin --version"] = [gke, "--version"]
    show("A kept credential", bench.medians(commands), "python -I -S -c pass")


def cold(bench: Bench) -> None:
    """A sign-in with an empty cache, compared with azure-identity's credential for the same."""
    tenant, app = bench.sim.tenant.id, bench.app
    pairs = {
        "spn, a secret": (
            bench.spn,
            bench.azure_identity(
                "ClientSecretCredential",
                tenant_id=tenant,
                client_id=app.client_id,
                client_secret=app.secret,
            ),
        ),
        "workloadidentity": (
            bench.workload,
            bench.azure_identity(
                "WorkloadIdentityCredential",
                tenant_id=tenant,
                client_id=app.client_id,
                token_file_path=bench.federated_token,
            ),
        ),
        "msi": (("-l", "msi"), bench.azure_identity("ManagedIdentityCredential")),
    }
    for name, (flags, reference) in pairs.items():
        commands = {
            "azure-identity": reference,
            "kubeauth": [KUBEAUTH, *bench.always, *flags, "--cache-storage", "none"],
        }
        show(f"A sign-in from nothing: {name}", bench.medians(commands), "azure-identity")


def parallel(bench: Bench) -> None:
    """Fifty cold processes at once."""
    command = [KUBEAUTH, *bench.always, *bench.spn, "--cache-dir", str(bench.home / "parallel")]
    bench.sim.requests.clear()
    alone = bench.once([KUBEAUTH, *bench.always, *bench.spn, "--cache-storage", "none"])
    bench.sim.requests.clear()
    begun = time.perf_counter()
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(bench.once, [command] * 50))
    together = (time.perf_counter() - begun) * 1000
    asked = bench.sim.requests.count(path="/oauth2/v2.0/token")
    title = f"Fifty cold calls at once ({asked} token request)"
    show(title, {"one cold call": alone, "fifty at once": together}, "one cold call")


def kubectl(bench: Bench) -> None:
    """`kubectl get nodes` with a token in the kubeconfig, and with kubeauth (a hit)."""
    program = shutil.which("kubectl", path=bench.environ["PATH"])
    if program is None:
        print("kubectl: not on this machine\n")
        return
    static, exec_ = bench.home / "static.yaml", bench.home / "exec.yaml"
    token = bench.sim.mint_token(bench.app)
    static.write_text(bench.sim.kubeconfig("token", "static", token=token))
    exec_.write_text(bench.sim.kubeconfig("exec", "exec"))
    flags = ("-l", "spn", "--client-id", bench.app.client_id, *bench.always[3:])
    subprocess.run(
        [KUBEAUTH, "convert-kubeconfig", "--kubeconfig", str(exec_), *flags],
        env=bench.environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    bench.environ["AZURE_CLIENT_SECRET"] = bench.app.secret
    commands = {
        name: [program, "--kubeconfig", str(file), "get", "nodes"]
        for name, file in (("a token in the kubeconfig", static), ("kubeauth, a hit", exec_))
    }
    show("kubectl get nodes", bench.medians(commands), "a token in the kubeconfig")


def show(title: str, medians: Mapping[str, float], base: str) -> None:
    """Print one table."""
    print(f"{title}\n")
    print("| | ms | ratio |\n|---|---:|---:|")
    for name, median in medians.items():
        print(f"| {name} | {median:.1f} | {median / medians[base]:.2f} |")
    print()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}; medians of {runs}\n"
    )
    with Simulator() as sim, tempfile.TemporaryDirectory() as folder:
        bench = Bench(sim, Path(folder), runs)
        for measure in (hits, cold, parallel, kubectl):
            measure(bench)


if __name__ == "__main__":
    main()
