"""The programs: can kubectl find the exec block's command, may it run it, and is it ours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from kubeauth.adapters.programs import find_program
from kubeauth_plugin.doctor.finding import Finding, Scene
from kubeauth_plugin.trust.kuberc import find_on_path, read_kuberc
from kubeauth_plugin.trust.strict import kuberc_file

__all__ = ["check"]

# The command in a sentence about kuberc.
_COMMAND: Final = re.compile(r"`(kubectl [^`]*)`")


def check(scene: Scene) -> Iterator[Finding]:
    """Look for the command on PATH, for others of its name, and at kuberc's policy."""
    if not scene.command:
        return
    path = find_on_path(scene.command, scene.environ)
    scene.seen.append(("command", f"{scene.command} ({path or 'not found'})"))
    if path is None:
        problem = f"kubectl cannot find {scene.command!r}, the exec block's command"
        yield Finding("exec block", problem, scene.convert("--command", "absolute"))
    name = os.path.basename(scene.command)
    others = _all_on_path(name, scene.environ)
    if name == scene.command and len(others) > 1:
        yield Finding(
            "PATH",
            f"{len(others)} programs are called {name}, and the first counts: {', '.join(others)}",
            scene.convert("--command", "absolute"),
        )
    file = kuberc_file(scene.environ)
    policy = read_kuberc(file) if file else None
    for objection in policy.objections(scene.command, scene.environ) if policy else ():
        line = _COMMAND.search(objection)
        problem = objection.partition("; ")[0]
        yield Finding("kuberc", problem, line[1] if line else objection.partition("; ")[2])


def _all_on_path(name: str, environ: Mapping[str, str]) -> list[str]:
    """Return the different programs of a name, in the order of PATH."""
    found: dict[str, str] = {}
    for folder in environ.get("PATH", "").split(os.pathsep):
        path = find_program(name, {**environ, "PATH": folder})
        if path:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())
