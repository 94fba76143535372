"""Other people's programs that start exec plugins: how each is built, and run to list nodes.

    PYTHONPATH=tests .venv/bin/python -m realserver.clients    # build them, say how long it took

Builds are kept outside the checkout, by version. What cannot be had here says why.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
import zipfile
from functools import cache
from importlib import metadata
from pathlib import Path

from realserver.client import Client, Missing, build, folder_of, needed

HERE = Path(__file__).resolve().parent / "programs"
HELM = {"helm 3": "helm.sh/helm/v3/cmd/helm@v3.22.0", "helm 4": "helm.sh/helm/v4/cmd/helm@v4.3.1"}
# The collection is a part of the package ansible; Python 3.11 or newer.
ANSIBLE, ANSIBLE_CORE, COLLECTION = "11.13.0", "2.18.12", "5.4.1"
# Its releases have a minor version for each of Prometheus 3: this is 3.16.
PROMETHEUS = "github.com/prometheus/prometheus/cmd/prometheus@v0.316.0"
PYTHON = {
    "Python kubernetes": ("official", "kubernetes"),
    "kubernetes_asyncio": ("kubernetes_asyncio", "kubernetes_asyncio"),
    "kr8s": ("kr8s", "kr8s"),
    "lightkube": ("lightkube", "lightkube"),
}


def clients() -> list[Client]:
    """Return every client, whether it can be had here or not."""
    found = [_helm(name, address) for name, address in HELM.items()]
    found += [_python(name, *words) for name, words in PYTHON.items()]
    found.append(Client("Ansible kubernetes.core", COLLECTION, _ansible, hides_errors=True))
    found.append(Client("@kubernetes/client-node", "1.4.0", _node))
    found.append(Client("fabric8", "7.4.0", lambda: _java("Fabric8")))
    found.append(Client("client-java", "24.0.0", lambda: _java("Official")))
    found.append(Client("kube-rs", "5.0.0", _rust))
    return found


def _helm(name: str, address: str) -> Client:
    version = address.rpartition("@v")[2]

    def prepare() -> list[str]:
        folder = folder_of(f"helm-{version}")
        if not (folder / "helm").exists():
            build(["go", "install", address], folder, GOBIN=str(folder), CGO_ENABLED="0")
        return [str(folder / "helm"), "list"]

    return Client(name, version.removeprefix("v"), prepare, shows="NAMESPACE")


def _python(name: str, word: str, package: str) -> Client:
    def prepare() -> list[str]:
        return [sys.executable, str(HERE / "python_clients.py"), word]

    # lightkube refuses v1 before it starts the plugin.
    kinds = ("v1beta1",) if word == "lightkube" else ("v1beta1", "v1")
    return Client(name, metadata.version(package), prepare, kinds)


@cache
def _ansible() -> list[str]:
    """Install Ansible, and of the package with all collections the one for Kubernetes."""
    folder = folder_of(f"ansible-{ANSIBLE}-{sys.version_info.minor}")
    if not (folder / "ansible_collections").exists():
        pip = [str(folder / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
        build([sys.executable, "-m", "venv", "--clear", str(folder)], folder)
        build([*pip, "install", f"ansible-core=={ANSIBLE_CORE}", "kubernetes"], folder)
        build([*pip, "download", "--no-deps", "--dest", ".", f"ansible=={ANSIBLE}"], folder)
        (whole,) = folder.glob("ansible-*.whl")
        with zipfile.ZipFile(whole) as archive:
            inside = "ansible_collections/kubernetes/core/"
            archive.extractall(folder, [n for n in archive.namelist() if n.startswith(inside)])
        whole.unlink()
    words = ["localhost", "-m", "kubernetes.core.k8s_info", "-a", "kind=Node api_version=v1"]
    return ["env", f"ANSIBLE_COLLECTIONS_PATH={folder}", str(folder / "bin" / "ansible"), *words]


@cache
def _node() -> list[str]:
    folder = _sources("node")
    if not (folder / "node_modules").exists():
        build(["npm", "install", "--no-audit", "--no-fund", "--silent"], folder)
    return [needed("node"), str(folder / "list.mjs")]


@cache
def azure_for_node() -> list[str]:
    """Return the command of Azure's libraries for Node, which signs in; raises `Missing`."""
    folder = _sources("node-azure")
    if not (folder / "node_modules").exists():
        build(["npm", "install", "--no-audit", "--no-fund", "--silent"], folder)
    return [needed("node"), str(folder / "token.mjs")]


def prometheus() -> list[str]:
    """Return the command of Prometheus, with no discovery but Kubernetes'; raises `Missing`."""
    folder = folder_of(f"prometheus-{PROMETHEUS.rpartition('@')[2]}")
    if not (folder / "prometheus").exists():
        tags = "-tags=remove_all_sd,enable_kubernetes_sd"
        build(["go", "install", tags, PROMETHEUS], folder, GOBIN=str(folder), CGO_ENABLED="0")
    return [str(folder / "prometheus")]


@cache
def _java(program: str) -> list[str]:
    folder = _sources("java")
    if not (folder / "lib").exists():
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}/copied"]
        build(["mvn", "--quiet", "--batch-mode", *goal], folder)
        classes = ["-d", str(folder / "copied"), "-cp", f"{folder}/copied/*"]
        build(["javac", *classes, *map(str, folder.glob("*.java"))], folder)
        (folder / "copied").rename(folder / "lib")
    return [needed("java"), "-cp", f"{folder}/lib:{folder}/lib/*", program]


@cache
def _rust() -> list[str]:
    folder = _sources("kube-rs")
    program = folder / "target" / "release" / "list-nodes"
    if not program.exists():
        build(["cargo", "build", "--release", "--quiet", "--locked"], folder)
    return [str(program)]


def _sources(name: str) -> Path:
    """Copy a program's sources to a folder of their own, named by a digest of their content."""
    files = sorted(path for path in (HERE / name).rglob("*") if path.is_file())
    said = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    folder = folder_of(f"{name}-{said[:12]}")
    shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
    return folder


def main() -> int:
    """Build every client, with `--all` the large ones, too, and print how long each took."""
    from realserver.large_clients import large_clients

    more = [Client("Prometheus", PROMETHEUS.rpartition("@")[2], prometheus)]
    more += large_clients() if "--all" in sys.argv else []
    for client in clients() + more:
        begun = time.monotonic()
        try:
            client.prepare()
            said = f"{time.monotonic() - begun:.0f} s"
        except Missing as missing:
            said = f"left out: {missing}"
        print(f"{client.name} {client.version}: {said}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
