"""The programs: can kubectl find the exec block's command, may it run it, and is it ours."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from kubeauth.adapters.child_environ import for_tool
from kubeauth.adapters.programs import find_program, run_program
from kubeauth_plugin.convert.command import this_program
from kubeauth_plugin.doctor.finding import REQUEST_LIMIT, Finding, Scene
from kubeauth_plugin.trust.kuberc import find_on_path, read_kuberc
from kubeauth_plugin.trust.strict import kuberc_file

__all__ = ["check"]

_OURS: Final = ("kubeauth", "kubectl-kubeauth")
# The command in a sentence about kuberc.
_COMMAND: Final = re.compile(r"`(kubectl [^`]*)`")


def check(scene: Scene) -> Iterator[Finding]:
    """Look for the command on PATH, for others of its name, and at kuberc's policy."""
    if not scene.command:
        return
    _kubectl(scene)
    path = find_on_path(scene.command, scene.environ)
    whose = _whose(path) if path else "not found"
    scene.seen.append(("command", f"{scene.command} ({whose})"))
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
    elif path and scene.sign_in and scene.sign_in.kind == "kubeauth" and _is_another(path):
        yield Finding(
            "PATH",
            f"kubectl runs {path}, which is another kubeauth than this one",
            scene.convert("--command", "absolute"),
        )
    file = kuberc_file(scene.environ)
    policy = read_kuberc(file) if file else None
    for objection in policy.objections(scene.command, scene.environ) if policy else ():
        line = _COMMAND.search(objection)
        problem = objection.partition("; ")[0]
        yield Finding("kuberc", problem, line[1] if line else objection.partition("; ")[2])


def _kubectl(scene: Scene) -> None:
    """Note which kubectl runs, and its version."""
    path = find_program("kubectl", scene.environ)
    version = "not on PATH"
    if path:
        words = [path, "version", "--client", "--output", "json"]
        try:
            ran = run_program(words, environ=for_tool(scene.environ), limit=REQUEST_LIMIT)
            version = f"{json.loads(ran.stdout)['clientVersion']['gitVersion']} ({path})"
        except (OSError, TimeoutError, ValueError, LookupError, TypeError):
            version = f"{path}, which does not say its version"
    scene.seen.append(("kubectl", version))


def _whose(path: str) -> str:
    """Return the path, and whose program it is as far as the file tells."""
    ours = this_program()
    if ours is not None and os.path.exists(path) and _folder(path) == _folder(str(ours)):
        return f"{path}: this kubeauth"
    if os.path.basename(path).startswith("kubelogin"):
        return f"{path}: not kubeauth's"
    return path


def _folder(path: str) -> str:
    return os.path.dirname(os.path.realpath(path))


def _is_another(path: str) -> bool:
    """Whether a command called kubeauth is another installation than the one that runs now."""
    ours = this_program()
    name = os.path.basename(path).removesuffix(".exe")
    return ours is not None and name in _OURS and _folder(path) != _folder(str(ours))


def _all_on_path(name: str, environ: Mapping[str, str]) -> list[str]:
    """Return the different programs of a name, in the order of PATH."""
    found: dict[str, str] = {}
    for folder in environ.get("PATH", "").split(os.pathsep):
        path = find_program(name, {**environ, "PATH": folder})
        if path:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())
