"""GitHub Actions: the steps of a job, run as the runner does.

Sources: "Workflow syntax for GitHub Actions", "Workflow commands for GitHub Actions", "Metadata
syntax for GitHub Actions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from harness import Ran
from pipelines.machine import Machine

_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_SHELLS = {
    "": ("bash", "-e"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    "sh": ("sh", "-e"),
}


@dataclass
class GitHub:
    """A runner. ``token`` are the variables of a job with `id-token: write`.

    ``actions`` plays the actions of others; it maps their name to what they do with their inputs.
    """

    machine: Machine
    token: Mapping[str, str]
    vars: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, Callable[[Mapping[str, str]], None]] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)

    def run(self, workflow: Any, job: str) -> Ran:
        """Run all steps of a job; return the last one's end. Raises JobFailed."""
        plan = workflow["jobs"][job]
        permissions = plan.get("permissions", workflow.get("permissions")) or {}
        offered = self.token if permissions.get("id-token") == "write" else {}
        contexts = {"vars": self.vars}
        job_environ = self._values(plan.get("env", {}), contexts)
        base = {"CI": "true", "GITHUB_ACTIONS": "true", **offered, **job_environ}
        for step in plan["steps"]:
            ran = self._step(step, base, contexts)
        return ran

    def action(self, folder: Path, inputs: Mapping[str, str], base: Mapping[str, str]) -> Ran:
        """Run a composite action with these inputs, its own defaults filled in."""
        meta = yaml.safe_load((folder / "action.yml").read_text())
        assert meta["runs"]["using"] == "composite"
        unknown = set(inputs) - set(meta["inputs"])
        assert not unknown, f"no such inputs: {unknown}"
        for name, about in meta["inputs"].items():
            assert name in inputs or not about.get("required"), f"{name} is required"
        given = {name: inputs.get(name, a.get("default", "")) for name, a in meta["inputs"].items()}
        contexts = {"inputs": given, "github": {"action_path": str(folder)}}
        for step in meta["runs"]["steps"]:
            ran = self._step(step, {**base, "GITHUB_ACTION_PATH": str(folder)}, contexts)
        return ran

    def _step(self, step: Any, base: Mapping[str, str], contexts: Mapping[str, Any]) -> Ran | None:
        if "uses" in step:
            name = step["uses"].partition("@")[0]
            self.actions[name](self._values(step.get("with", {}), contexts))
            return None
        temp = self.machine.temp
        files = {n: temp / n.lower() for n in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT")}
        for file in files.values():
            file.write_text("")
        environ = {
            **base,
            **self.environ,
            **self._values(step.get("env", {}), contexts),
            "RUNNER_TEMP": str(temp),
            "PATH": ":".join([*reversed(self.path), self.machine.environ["PATH"]]),
            **{name: str(file) for name, file in files.items()},
        }
        script = self._value(step["run"], contexts)
        ran = self.machine.shell(script, environ, shell=_SHELLS[step.get("shell", "")])
        self.path += files["GITHUB_PATH"].read_text().split()
        lines = files["GITHUB_ENV"].read_text().splitlines()
        self.environ |= {n: v for n, _, v in (line.partition("=") for line in lines)}
        return ran

    def _values(self, env: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        return {name: self._value(str(value), contexts) for name, value in env.items()}

    def _value(self, text: str, contexts: Mapping[str, Any]) -> str:
        def look_up(found: re.Match[str]) -> str:
            context, _, name = found[1].partition(".")
            return contexts[context][name]

        return _EXPRESSION.sub(look_up, text)
