"""Measure kubeauth beside its peers: `python benchmarks/measure.py [ROUNDS] [--write]`.

Builds the wheel and installs it into a temporary environment, because an editable installation has
no fast path. Runs whole processes against the simulator, the compared ones in turn, and takes the
medians of wall clock, processor time (user and system, with children) and memory. Prints tables;
with --write also writes benchmarks/results.json, from which `dev.py docs` makes docs/performance.md
and the README's sentence. Absolute times say something about this machine only; look at the ratios.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kubeauth.testing import AKS_CLIENT_ID, Simulator

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
INFO = (
    '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",'
    '"spec":{"interactive":%s}}'
)
AZURE_IDENTITY = """
import sys
from azure.identity import {kind}
credential = {kind}({arguments})
print(credential.get_token(sys.argv[1] + "/.default").token)
"""
# The peak memory of a process counts its parent's before the start, so the parent is a small one.
PEAK = """
import os, sys
null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
print(os.wait4(child, 0)[2].ru_maxrss)
"""
# A Secret Service without a screen, on a bus of its own: prints the bus and lives until stdin ends.
SECRET_SERVICE = """
printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null
echo "$DBUS_SESSION_BUS_ADDRESS"
exec cat
"""
# What one process took: wall clock and processor time in milliseconds.
Cost = tuple[float, float]
Row = dict[str, Any]


class Bench:
    """An installed wheel, a simulator, an environment without anything of this machine's."""

    def __init__(self, sim: Simulator, folder: Path, rounds: int) -> None:
        self.sim, self.home, self.rounds = sim, folder / "home", rounds
        self.home.mkdir()
        self.bin = installed(folder / "environment")
        self.kubeauth, self.python = str(self.bin / "kubeauth"), str(self.bin / "python")
        self.bare = [self.python, "-I", "-S", "-c", "pass"]
        self.environ = {
            "PATH": os.pathsep.join([str(self.bin), os.environ["PATH"]]),
            "HOME": str(self.home),
            "KUBERNETES_EXEC_INFO": INFO % "false",
            **sim.environ(),
        }
        self.always = [
            *("get-token", "--server-id", sim.cluster.server_id),
            *("--authority-host", sim.authority, "--disable-instance-discovery"),
        ]
        self.app = sim.tenant.add_application("benchmark")
        sim.add_managed_identity(sim.tenant, system_assigned=True)
        issuer = sim.add_issuer()
        self.app.add_federated_credential(issuer=issuer.url, subject="benchmark")
        self.federated = self.home / "federated-token"
        self.federated.write_text(issuer.mint(subject="benchmark", expires_in=86400))
        self.spn = self.with_secret(self.app)

    def with_secret(self, app: Any) -> list[str]:
        identity = ["--tenant-id", self.sim.tenant.id, "--client-id", app.client_id]
        return [self.kubeauth, *self.always, "-l", "spn", *identity, "--client-secret", app.secret]

    def cold(self, *flags: str) -> list[str]:
        return [self.kubeauth, *self.always, *flags, "--cache-storage", "none"]

    def azure_identity(self, kind: str, **arguments: str) -> list[str]:
        listed = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        if kind != "ManagedIdentityCredential":
            listed += f", authority={self.sim.authority!r}, disable_instance_discovery=True"
        script = AZURE_IDENTITY.format(kind=kind, arguments=listed)
        return [self.python, "-c", script, self.sim.cluster.server_id]

    def started(self, command: Sequence[str]) -> int:
        null = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1)]
        return os.posix_spawn(command[0], command, self.environ, file_actions=null)

    def once(self, command: Sequence[str]) -> Cost:
        begun = time.perf_counter()
        _, status, usage = os.wait4(self.started(command), 0)
        wall = (time.perf_counter() - begun) * 1000
        if status:
            raise SystemExit(f"{' '.join(command[:8])} … failed")
        return wall, (usage.ru_utime + usage.ru_stime) * 1000

    def at_once(self, commands: Sequence[Sequence[str]]) -> Cost:
        """Start all commands, and return the time until the last ends and their processor time."""
        begun = time.perf_counter()
        ended = [os.wait4(process, 0) for process in [self.started(one) for one in commands]]
        wall = (time.perf_counter() - begun) * 1000
        if any(status for _, status, _ in ended):
            raise SystemExit("one of many calls failed")
        return wall, sum(usage.ru_utime + usage.ru_stime for *_, usage in ended) * 1000

    def table(
        self,
        title: str,
        commands: dict[str, Any],
        *,
        before: Callable[[], None] = lambda: None,
        many: bool = False,
        rounds: int = 0,
    ) -> list[Row]:
        """Measure the commands in turn; print and return one row each, ratios to the first.

        A command may be a function that returns it, for one that differs in each round.
        """
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range((rounds or self.rounds) + 1):  # the first round warms the disk's cache
            for name, command in commands.items():
                before()
                measure: Any = self.at_once if many else self.once
                costs[name].append(measure(command() if callable(command) else command))
        rows: list[Row] = []
        for name, measured in costs.items():
            wall, cpu = (statistics.median(one) for one in zip(*measured[1:], strict=True))
            rows.append({"name": name, "wall": round(wall, 1), "cpu": round(cpu, 1)})
        return with_ratios(title, rows)

    def kubelogin(self, app: Any = None) -> list[str]:
        """Return the command line of Azure/kubelogin; without ``app`` for a new application.

        It keeps tokens in the kernel's keyring, so only a new application makes it sign in.
        """
        app = app or self.sim.tenant.add_application("new")
        return ["kubelogin", *self.with_secret(app)[1:]]

    def peak(self, command: Sequence[str]) -> float:
        """Return the peak memory of a command in MB."""
        ran = subprocess.run(
            [self.python, "-I", "-S", "-c", PEAK, *command],
            env=self.environ,
            capture_output=True,
            check=True,
        )
        return int(ran.stdout) / 1024

    def forget(self, *patterns: str) -> None:
        for pattern in patterns or ("*",):
            for file in (self.home / ".kube" / "cache" / "kubeauth").glob(pattern):
                file.unlink()


def installed(folder: Path) -> Path:
    """Install this project's wheel into a new environment, and return its folder of programs."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(ROOT)], check=True)
    (library,) = (folder / "lib").glob("python*/site-packages")
    subprocess.run([pip[0], "-m", "compileall", "-q", str(library)], check=False)
    return folder / "bin"


def with_ratios(title: str, rows: list[Row]) -> list[Row]:
    print(f"\n{title}\n\n| | wall ms | CPU ms | CPU ratio |\n|---|---:|---:|---:|")
    for row in rows:
        row["ratio"] = round(row["cpu"] / rows[0]["cpu"], 2)
        print(f"| {row['name']} | {row['wall']} | {row['cpu']} | {row['ratio']} |", flush=True)
    return rows


def hits(bench: Bench) -> dict[str, list[Row]]:
    commands = {"bare Python": bench.bare, "kubeauth, a hit": bench.spn}
    gke = shutil.which("gke-gcloud-auth-plugin")
    if gke:
        commands["gke-gcloud-auth-plugin --version"] = [gke, "--version"]
    if kubelogin := shutil.which("kubelogin"):
        commands["Azure/kubelogin, a cached token"] = [kubelogin, *bench.kubelogin(bench.app)[1:]]
    return {"hit": bench.table("A cached token", commands)}


def cold(bench: Bench) -> dict[str, list[Row]]:
    tenant, app = bench.sim.tenant.id, bench.app
    application = {"tenant_id": tenant, "client_id": app.client_id}
    secret = bench.azure_identity("ClientSecretCredential", **application, client_secret=app.secret)
    exchanged = bench.azure_identity(
        "WorkloadIdentityCredential", **application, token_file_path=str(bench.federated)
    )
    identity = ("--tenant-id", tenant, "--client-id", app.client_id)
    file = ("--federated-token-file", str(bench.federated))
    pairs = {
        "spn": (secret, [*bench.spn, "--cache-storage", "none"]),
        "workloadidentity": (exchanged, bench.cold("-l", "workloadidentity", *identity, *file)),
        "msi": (bench.azure_identity("ManagedIdentityCredential"), bench.cold("-l", "msi")),
    }
    kubelogin = shutil.which("kubelogin")
    results = {}
    for name, (reference, ours) in pairs.items():
        commands: dict[str, Any] = {"azure-identity": reference, "kubeauth": ours}
        if kubelogin and name == "spn":
            commands["Azure/kubelogin"] = lambda: [kubelogin, *bench.kubelogin()[1:]]
        results[name] = bench.table(f"A first sign-in: {name}", commands)
    return results


def tool(bench: Bench) -> dict[str, list[Row]]:
    """A sign-in by the Azure CLI, played by a shell script, without that script's own time."""
    az = bench.bin / "az"
    answer = {"accessToken": bench.sim.mint_token(bench.app), "expires_on": int(time.time()) + 3600}
    az.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    az.chmod(0o755)
    commands = {
        "bare Python": bench.bare,
        "kubeauth and the tool": bench.cold("-l", "azurecli"),
        "the tool alone": [str(az)],
    }
    rows = bench.table("A first sign-in: azurecli", commands)
    ours = {key: round(rows[1][key] - rows[2][key], 1) for key in ("wall", "cpu")}
    az.unlink()
    return {"azurecli": with_ratios("… without the tool", [rows[0], {"name": "kubeauth", **ours}])}


def person(bench: Bench) -> dict[str, list[Row]]:
    """A person's sign-in, renewed from an encrypted session, beside one with a secret.

    Needs the programs dbus-run-session and gnome-keyring-daemon.
    """
    sim = bench.sim
    service = subprocess.Popen(
        ["dbus-run-session", "--", "sh", "-c", SECRET_SERVICE],
        env=bench.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdin is not None and service.stdout is not None
    bench.environ["DBUS_SESSION_BUS_ADDRESS"] = service.stdout.readline().strip()
    command = [bench.kubeauth, *bench.always, "-l", "devicecode", "--tenant-id", sim.tenant.id]
    command += ["--client-id", AKS_CLIENT_ID]
    user, signed_in = sim.tenant.add_user("dana"), threading.Event()

    def approve() -> None:
        while not signed_in.wait(0.1):
            for waiting in sim.pending_device_codes():
                sim.approve(waiting.user_code, user)

    sim.device_code_interval = 1
    threading.Thread(target=approve, daemon=True).start()
    environ = {**bench.environ, "KUBERNETES_EXEC_INFO": INFO % "true"}
    subprocess.run(command, env=environ, capture_output=True, check=True)
    signed_in.set()
    assert list((bench.home / ".kube/cache/kubeauth").glob("*.session.sealed"))
    commands = {"kubeauth, spn": bench.spn, "kubeauth, a person's renewal": command}
    rows = bench.table(
        "A person's renewal", commands, before=lambda: bench.forget("*.token.json", "*.hot")
    )
    bench.forget()
    service.communicate()
    return {"person": rows}


def together(bench: Bench) -> dict[str, list[Row]]:
    """Many cold calls at once."""
    apps = [bench.app, *(bench.sim.tenant.add_application(f"app {n}") for n in range(3))]
    requests: list[int] = []

    def before() -> None:
        requests.append(bench.sim.requests.count(path="/oauth2/v2.0/token"))
        bench.sim.requests.clear()
        bench.forget()

    results = {}
    for key, count, some in (("fifty", 50, apps[:1]), ("two-hundred", 200, apps)):
        ours = [bench.with_secret(some[n % len(some)]) for n in range(count)]
        commands: dict[str, Any] = {"bare Python": [bench.bare] * count, "kubeauth": ours}
        if (kubelogin := shutil.which("kubelogin")) and key == "fifty":
            commands["Azure/kubelogin"] = partial(at_once, bench, kubelogin, count)
        requests.clear()
        title = f"{count} first calls at once, {len(some)} identities"
        rows = bench.table(title, commands, before=before, many=True, rounds=5)
        before()
        # The requests of a command are read before the next one.
        for place, row in enumerate(rows[1:], 2):
            row["requests"] = max(requests[place :: len(rows)])
            print(f"\nToken requests of {row['name']}: at most {row['requests']}")
        results[key] = rows
    return results


def at_once(bench: Bench, kubelogin: str, count: int) -> list[list[str]]:
    """Return command lines of Azure/kubelogin for one application that is new."""
    return [[kubelogin, *bench.kubelogin()[1:]]] * count


def kubectl(bench: Bench) -> dict[str, list[Row]]:
    program = shutil.which("kubectl", path=bench.environ["PATH"])
    if program is None:
        return {}
    static, exec_ = bench.home / "static.yaml", bench.home / "exec.yaml"
    token = bench.sim.mint_token(bench.app)
    static.write_text(bench.sim.kubeconfig("token", "static", token=token))
    exec_.write_text(bench.sim.kubeconfig("exec", "exec"))
    flags = ("-l", "spn", "--client-id", bench.app.client_id, *bench.always[3:])
    convert = [bench.kubeauth, "convert-kubeconfig", "--kubeconfig", str(exec_), *flags]
    subprocess.run(convert, env=bench.environ, check=True, capture_output=True)
    bench.environ["AZURE_CLIENT_SECRET"] = bench.app.secret
    words = ("get", "nodes")
    hit = [program, "--kubeconfig", str(exec_), *words]
    emptied = f'rm -f "$HOME"/.kube/cache/kubeauth/*; exec {" ".join(hit)}'
    commands = {
        "a token in the kubeconfig": [program, "--kubeconfig", str(static), *words],
        "kubeauth, a hit": hit,
        "kubeauth, a first sign-in": ["/bin/sh", "-c", emptied],
    }
    # In this order a first sign-in comes before each hit.
    order = dict(sorted(commands.items(), key=lambda item: item[0] == "kubeauth, a hit"))
    rows = bench.table("kubectl get nodes", order)
    return {"kubectl": rows}


def memory(bench: Bench) -> dict[str, list[Row]]:
    commands = {
        "bare Python": bench.bare,
        "kubeauth, a first sign-in": [*bench.spn, "--cache-storage", "none"],
    }
    print("\nPeak memory\n\n| | MB |\n|---|---:|")
    rows = []
    for name, command in commands.items():
        peak = round(statistics.median(bench.peak(command) for _ in range(5)), 1)
        rows.append({"name": name, "peak": peak})
        print(f"| {name} | {peak} |")
    return {"memory": rows}


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    rounds = int(arguments[0]) if arguments else 30
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}"
    )
    print(f"{machine}; medians of {rounds}")
    results: dict[str, Any] = {"machine": machine, "rounds": rounds}
    with Simulator() as sim, tempfile.TemporaryDirectory() as folder:
        bench = Bench(sim, Path(folder), rounds)
        for measure in (hits, cold, tool, person, together, memory, kubectl):
            results.update(measure(bench))
    if "--write" in sys.argv:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
