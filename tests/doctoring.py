"""A machine with a kubeconfig for the tests of `kubeauth doctor`; each set-up breaks it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness import BIN, Program
from setups import write_kubeconfig

from kubeauth.testing import Application, Simulator

FOUND = 11


@dataclass
class Stage:
    """A machine with a kubeconfig whose user is an application; a set-up breaks it."""

    program: Program
    sim: Simulator
    app: Application
    spn: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, *flags: str, **more: Any) -> None:
        write_kubeconfig(self.program, self.sim, (*self.spn, *flags), **more)

    def doctor(self, *args: str) -> dict[str, Any]:
        ran = self.program("doctor", "-o", "json", *args, limit=45, **self.environ)
        assert ran.code in (0, FOUND), ran.stderr
        assert self.app.secret not in ran.stdout + ran.stderr
        assert str(self.program.home) not in ran.stdout
        found: dict[str, Any] = json.loads(ran.stdout)
        assert (ran.code == 0) == (found["findings"] == [])
        return found

    def signed_in(self) -> None:
        """Put a token into the cache."""
        assert self.program("token").code == 0

    def login(self, *flags: str, **more: Any) -> None:
        write_kubeconfig(self.program, self.sim, flags, **more)

    def config(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.program.home / ".kube/config").read_text())
        return content

    def change(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Edit the kubeconfig as data."""
        content = self.config()
        edit(content)
        (self.program.home / ".kube/config").write_text(json.dumps(content))

    def change_cluster(self, **fields: Any) -> None:
        """Replace fields of the cluster; None removes one."""
        self.change(lambda content: _set(content["clusters"][0]["cluster"], fields))

    def change_user(self, **fields: Any) -> None:
        """Replace fields of the exec block; None removes one."""
        self.change(lambda content: _set(content["users"][0]["user"]["exec"], fields))

    def follow(self, line: str) -> list[dict[str, str]]:
        """Type a line in a shell, then ask doctor again; return what is left."""
        environ = {**self.program.environ, **self.environ}
        folders = [str(BIN), environ["PATH"], os.path.dirname(shutil.which("kubectl") or "")]
        done = subprocess.run(
            ["/bin/sh", "-c", f"{line} >&2\nexec kubeauth doctor -o json"],
            env={**environ, "PATH": os.pathsep.join(filter(None, folders))},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
        )
        assert done.returncode in (0, FOUND), done.stderr
        left: list[dict[str, str]] = json.loads(done.stdout)["findings"]
        return left


def _set(fields: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        fields[name.replace("_", "-") if name != "apiVersion" else name] = value
        if value is None:
            del fields[name.replace("_", "-")]
