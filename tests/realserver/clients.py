"""Other people's programs that start exec plugins: how each is built, and run to list nodes.

    .venv/bin/python tests/realserver/clients.py    # build them all, and say how long each took

Builds are kept outside the checkout, by version. What cannot be had here says why.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent / "programs"
HELM = {"helm 3": "helm.sh/helm/v3/cmd/helm@v3.22.0", "helm 4": "helm.sh/helm/v4/cmd/helm@v4.3.1"}
PYTHON = {
    "Python kubernetes": ("official", "kubernetes"),
    "kubernetes_asyncio": ("kubernetes_asyncio", "kubernetes_asyncio"),
    "kr8s": ("kr8s", "kr8s"),
    "lightkube": ("lightkube", "lightkube"),
}


class Missing(Exception):
    """A client cannot be had here; the text says why."""


@dataclass(frozen=True)
class Client:
    """One client. ``prepare`` builds it once and gives its command; raises `Missing`.

    ``kinds`` are the versions of the exec interface that the client takes.
    """

    name: str
    version: str
    prepare: Callable[[], list[str]]
    kinds: tuple[str, ...] = ("v1beta1", "v1")


def clients() -> list[Client]:
    """Return every client, whether it can be had here or not."""
    found = [_helm(name, address) for name, address in HELM.items()]
    found += [_python(name, *words) for name, words in PYTHON.items()]
    found.append(Client("@kubernetes/client-node", "1.4.0", _node))
    found.append(Client("fabric8", "7.4.0", lambda: _java("Fabric8")))
    found.append(Client("client-java", "24.0.0", lambda: _java("Official")))
    found.append(Client("kube-rs", "5.0.0", _rust))
    return found


def _helm(name: str, address: str) -> Client:
    version = address.rpartition("@v")[2]

    def prepare() -> list[str]:
        folder = _folder(f"helm-{version}")
        if not (folder / "helm").exists():
            _run(["go", "install", address], folder, GOBIN=str(folder), CGO_ENABLED="0")
        return [str(folder / "helm"), "list"]

    return Client(name, version, prepare)


def _python(name: str, word: str, package: str) -> Client:
    def prepare() -> list[str]:
        return [sys.executable, str(HERE / "python_clients.py"), word]

    # lightkube refuses v1 before it starts the plugin.
    kinds = ("v1beta1",) if word == "lightkube" else ("v1beta1", "v1")
    return Client(name, metadata.version(package), prepare, kinds)


@cache
def _node() -> list[str]:
    folder = _sources("node")
    if not (folder / "node_modules").exists():
        _run(["npm", "install", "--no-audit", "--no-fund", "--silent"], folder)
    return [_needed("node"), str(folder / "list.mjs")]


@cache
def azure_for_node() -> list[str]:
    """Return the command of Azure's libraries for Node, which signs in; raises `Missing`."""
    folder = _sources("node-azure")
    if not (folder / "node_modules").exists():
        _run(["npm", "install", "--no-audit", "--no-fund", "--silent"], folder)
    return [_needed("node"), str(folder / "token.mjs")]


@cache
def _java(program: str) -> list[str]:
    folder = _sources("java")
    if not (folder / "lib").exists():
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}/copied"]
        _run(["mvn", "--quiet", "--batch-mode", *goal], folder)
        classes = ["-d", str(folder / "copied"), "-cp", f"{folder}/copied/*"]
        _run(["javac", *classes, *map(str, folder.glob("*.java"))], folder)
        (folder / "copied").rename(folder / "lib")
    return [_needed("java"), "-cp", f"{folder}/lib:{folder}/lib/*", program]


@cache
def _rust() -> list[str]:
    folder = _sources("kube-rs")
    program = folder / "target" / "release" / "list-nodes"
    if not program.exists():
        _run(["cargo", "build", "--release", "--quiet", "--locked"], folder)
    return [str(program)]


def _sources(name: str) -> Path:
    """Copy a program's sources to a folder of their own, named by what they say."""
    files = sorted(path for path in (HERE / name).rglob("*") if path.is_file())
    said = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    folder = _folder(f"{name}-{said[:12]}")
    shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
    return folder


def _folder(name: str) -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "kubeauth-dev" / "clients" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _needed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Missing(f"there is no {program} on this machine")
    return found


def _run(command: list[str], folder: Path, **environ: str) -> None:
    full = [_needed(command[0]), *command[1:]]
    done = subprocess.run(
        full, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Missing(f"{command[0]} could not build it: {last}")


def main() -> int:
    """Build every client and print how long each took."""
    for client in clients():
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
