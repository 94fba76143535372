"""The use-case of ``demo``: kubectl signs in to a simulated cluster, told step by step."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubeauth import _env
from kubeauth.adapters.programs import find_program
from kubeauth.errors import SettingsError, ToolError
from kubeauth.options.logins import find_login
from kubeauth.testing import Simulator
from kubeauth_plugin.convert.command import with_this_python
from kubeauth_plugin.demo.cast import CASTS, Cast
from kubeauth_plugin.demo.kubectl import Kubectl, find_kubectl

__all__ = ["play"]

# The person's own sign-ins and clusters have no part in the demo.
_LEFT_OUT: Final = ("AZURE_", "AAD_", "ARM_", "KUBE", "HTTP", "SSL_", "REQUESTS_", "CURL_")
_CONTEXTS: Final = {"exec": "production", "azure": "legacy"}
_COMMANDS: Final = (("get", "nodes"), ("auth", "whoami"))
_INDENT: Final = "   "


@dataclass(frozen=True, slots=True)
class _Stage:
    """The simulator, programs and files of one run of the demo."""

    sim: Simulator
    kubectl: Kubectl
    folder: Path
    login: str
    cast: Cast
    say: Callable[[str], None]

    @property
    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(_LEFT_OUT)}
        more = {"HOME": str(self.folder), "USERPROFILE": str(self.folder), "NO_PROXY": "*"}
        more["KUBECONFIG"] = os.pathsep.join(f"{style}.yaml" for style in _CONTEXTS)
        more[_env.KUBEAUTH_CACHE_STORAGE] = "file"  # the person's keyring is theirs
        environ = {**kept, **more, **self.sim.environ(), **self.cast.environ}
        places = [self.cast.environ.get("PATH"), _program_folder(), kept.get("PATH")]
        environ["PATH"] = os.pathsep.join(filter(None, places))
        return environ

    def show(self, line: str) -> None:
        self.say(_INDENT + line)


def play(login: str, wait: float, say: Callable[[str], None]) -> None:
    """Tell the whole story with ``say``, a line at a time; leaves nothing behind.

    ``wait`` is how long a person gets to type a code, in seconds, before the demo types it. Raises
    ToolError where kubectl is missing or does not get in, SettingsError for a login that cannot be
    played.
    """
    find_login(login)
    if login not in CASTS:
        raise SettingsError(
            f"demo: {login} cannot be played here", hint=f"use --login {', '.join(CASTS)}"
        )
    kubectl = find_kubectl()
    with Simulator() as sim, tempfile.TemporaryDirectory(prefix="kubeauth-demo-") as name:
        folder = Path(name)
        stage = _Stage(sim, kubectl, folder, login, CASTS[login](sim, folder, wait), say)
        _introduce(stage)
        _write_kubeconfigs(stage)
        _convert(stage)
        _visit(stage)
    say("")
    say("Everything is stopped and removed again. `kubeauth convert-kubeconfig` does the same for")
    say("your own kubeconfig.")


def _introduce(stage: _Stage) -> None:
    sim = stage.sim
    stage.say(f"kubectl {stage.kubectl.version} signs in through kubeauth, login {stage.login}")
    stage.show(f"as {stage.cast.who}")
    _heading(stage, "1  A cluster that admits only Entra ID tokens, simulated on this machine")
    stage.show(f"Entra ID    {sim.authority}  tenant {sim.tenant.name}, TLS by its own CA")
    stage.show(f"IMDS        {sim.imds_url}")
    stage.show(
        f"API server  {sim.cluster.server}  for tokens with audience {sim.cluster.server_id}"
    )


def _write_kubeconfigs(stage: _Stage) -> None:
    _heading(stage, "2  Two kubeconfigs, as `az aks get-credentials` writes them")
    for style, context in _CONTEXTS.items():
        file = stage.folder / f"{style}.yaml"
        file.touch(mode=0o600)
        file.write_text(stage.sim.kubeconfig(style, context), encoding="utf-8")
    stage.show("exec.yaml   context production, its user calls kubelogin")
    stage.show("azure.yaml  context legacy, its user has the auth-provider that kubectl dropped")


def _convert(stage: _Stage) -> None:
    flags = ["--login", stage.login, *stage.cast.flags]
    if stage.login not in ("msi", "azurecli"):
        flags += ["--authority-host", stage.sim.authority, "--disable-instance-discovery"]
    _heading(stage, f"3  $ kubeauth convert-kubeconfig --diff {' '.join(flags)}")
    program = [*with_this_python(), "convert-kubeconfig", "--diff"]
    done = subprocess.run(
        [*program, *flags],
        env={**stage.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        cwd=stage.folder,
    )
    for line in (done.stdout + done.stderr).splitlines():
        stage.show(line)
    if done.returncode:
        raise ToolError(
            f"demo: convert-kubeconfig ended with exit code {done.returncode}",
            hint="its own error is above",
        )


def _visit(stage: _Stage) -> None:
    """Run each kubectl command in each context, and say how long it took."""
    visits = [(context, command) for context in _CONTEXTS.values() for command in _COMMANDS]
    for number, (context, command) in enumerate(visits, start=4):
        _heading(stage, f"{number}  $ kubectl --context {context} {' '.join(command)}")
        _call(stage, "--context", context, *command)


def _call(stage: _Stage, *arguments: str) -> None:
    human = find_login(stage.login).human
    if stage.cast.typist is not None:
        stage.cast.typist()
    before, begun = _asked(stage.sim), time.monotonic()
    code = stage.kubectl.run(
        *arguments, environ=stage.environ, folder=stage.folder, terminal=human, show=stage.show
    )
    seconds, after = time.monotonic() - begun, _asked(stage.sim)
    if code:
        raise ToolError(f"demo: kubectl ended with exit code {code}", hint="what it said is above")
    requests = {name: after[name] - before[name] for name in after}
    stage.show(f"→ {seconds:.2f} s; {_cost(requests)}")


def _asked(sim: Simulator) -> dict[str, int]:
    return {
        "Entra ID": sim.requests.count(service="entra"),
        "IMDS": sim.requests.count(service="imds"),
    }


def _cost(requests: Mapping[str, int]) -> str:
    made = [f"{count} to {name}" for name, count in requests.items() if count]
    if not made:
        return "no request to Entra ID or IMDS, the cached token was good"
    return f"signed in; requests: {', '.join(made)}"


def _heading(stage: _Stage, text: str) -> None:
    stage.say("")
    stage.say(text)


def _program_folder() -> str:
    """Return the folder of the ``kubeauth`` command that belongs to this Python."""
    places = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    path = os.pathsep.join([*places, os.environ.get("PATH", "")])
    found = find_program("kubeauth", {**os.environ, "PATH": path})
    return str(Path(found).parent) if found else str(Path(sys.argv[0]).parent)
