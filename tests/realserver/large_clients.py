"""Other people's programs whose builds take many minutes: `python3 dev.py clients --all`."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from realserver.client import Client, Missing, build, folder_of

PROGRAMS = Path(__file__).resolve().parent / "programs"


def large_clients() -> list[Client]:
    """Return every one of them, whether it can be had here or not."""
    k9s = _go("k9s", "github.com/derailed/k9s@v0.50.16", ".")
    rollouts = _go(
        "kubectl-argo-rollouts",
        "github.com/argoproj/argo-rollouts@v1.10.0",
        "./cmd/kubectl-argo-rollouts",
    )
    kyverno = _go(
        "kubectl-kyverno", "github.com/kyverno/kyverno@v1.19.0", "./cmd/cli/kubectl-kyverno"
    )
    policy = str(PROGRAMS / "policy.yaml")
    at_terminal = [sys.executable, str(PROGRAMS / "at_terminal.py"), "node-0"]
    return [
        Client(
            "kubectl argo rollouts",
            "1.10.0",
            lambda: [rollouts(), "list", "rollouts"],
        ),
        Client(
            "kubectl kyverno",
            "1.19.0",
            lambda: [kyverno(), "apply", policy, "--cluster"],
            shows="pass: 2",
            hides_failures=True,
            asks_again=True,
        ),
        Client(
            "k9s",
            "0.50.16",
            lambda: [*at_terminal, k9s(), "--command", "nodes"],
            asks_again=True,
        ),
        Client("Terraform kubernetes provider", "3.2.0", _terraform),
    ]


def _go(name: str, module: str, package: str) -> Callable[[], str]:
    """Return a function that builds a program from its module's sources and returns its path."""

    def prepare() -> str:
        program = folder_of(f"{name}-{module.rpartition('@v')[2]}") / name
        if not program.exists():
            found = json.loads(build(["go", "mod", "download", "-json", module], program.parent))
            with tempfile.TemporaryDirectory() as folder:
                # Go builds no program in its cache of modules, whose files are read-only.
                sources = Path(folder, "sources")
                shutil.copytree(found["Dir"], sources, copy_function=shutil.copyfile)
                for place in (sources, *sources.rglob("*")):
                    if place.is_dir():
                        place.chmod(0o755)
                words = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), package]
                build(words, sources, CGO_ENABLED="0")
        return str(program)

    return prepare


def _terraform() -> list[str]:
    raise Missing("Go's module proxy has no version of hashicorp/kubernetes since 1.13, of 2020")
