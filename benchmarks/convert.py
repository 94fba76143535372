"""How long convert-kubeconfig takes on big kubeconfigs: time by number of users.

    python benchmarks/convert.py [USERS …]

Each user has a context and a cluster with a certificate, as `az aks get-credentials` writes them.
The whole command is timed, start of the interpreter included.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (125, 250, 500, 1000, 2000, 4000)
CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUU2RENDQXRDZ0F3SUJBZ0lRUHpN" * 30
CLUSTER = """\
- cluster:
    certificate-authority-data: {certificate}
    server: https://cluster-{n}.example:443
  name: cluster-{n}
"""
CONTEXT = """\
- context:
    cluster: cluster-{n}
    user: clusterUser_shop_cluster-{n}
  name: cluster-{n}
"""
USER = """\
- name: clusterUser_shop_cluster-{n}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - --environment
      - AzurePublicCloud
      - --server-id
      - 6dae42f8-4368-4678-94ff-3960e28e3630
      - --client-id
      - 80faf920-1908-4b52-b5ef-a8e7bedfc67a
      - --tenant-id
      - 8d3fbd5c-1a63-4a0b-9d4c-2f0d2a3f8e11
      - --login
      - devicecode
      command: kubelogin
      env: null
      provideClusterInfo: false
"""


def kubeconfig(users: int) -> str:
    parts = ["apiVersion: v1\nkind: Config\npreferences: {}\n"]
    for section, entry in (("clusters", CLUSTER), ("contexts", CONTEXT), ("users", USER)):
        parts.append(f"{section}:\n")
        parts += [entry.format(n=n, certificate=CERTIFICATE) for n in range(users)]
    return "".join(parts)


def seconds(file: Path, *arguments: str) -> float:
    command = [sys.executable, "-m", "kubeauth_plugin", "convert-kubeconfig", *arguments]
    started = time.perf_counter()
    subprocess.run(
        [*command, "--kubeconfig", file], check=True, stdout=subprocess.DEVNULL, timeout=600
    )
    return time.perf_counter() - started


def main() -> None:
    """Print one line per size: all users converted, again (no change), one user of all."""
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    _line("users", "MB", "all", "ms/user", "again", "one")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            file = Path(folder) / "config"
            file.write_text(kubeconfig(size))
            time.sleep(1.1)  # a file that was written just now would be watched for half a second
            megabytes = file.stat().st_size / 1e6
            everyone = seconds(file, "-l", "azurecli")
            again = seconds(file, "-l", "azurecli")
            time.sleep(1.1)
            one = seconds(file, "-l", "msi", "--context", "cluster-7")
            times = [f"{value:.2f}s" for value in (everyone, again, one)]
            per_user = f"{everyone / size * 1000:.2f}"
            _line(str(size), f"{megabytes:.1f}", times[0], per_user, *times[1:])


def _line(*cells: str) -> None:
    sys.stdout.write("  ".join(f"{cell:>7}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
