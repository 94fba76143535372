"""Jobs' scripts, run as each system runs them: Azure Pipelines, GitLab CI and others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import Ran
from pipelines.machine import Machine

_MACRO = re.compile(r"\$\(([\w.]+)\)")
_SET = re.compile(r"##vso\[task\.setvariable variable=(\w+)[^]]*\](.*)")


@dataclass
class AzurePipelines:
    """An agent ("Define variables", "Bash@3", "AzureCLI@2" in Azure Pipelines' documentation).

    ``offered`` are the variables for a job that asks for its token; SYSTEM_ACCESSTOKEN is given to
    a step only by its own `env`. ``secure_files`` maps the library's names to files, ``azure_cli``
    signs az in to a service connection, in the folder that it is handed.
    """

    machine: Machine
    offered: Mapping[str, str]
    variables: Mapping[str, str]
    secure_files: Mapping[str, Path] = field(default_factory=dict)
    azure_cli: Callable[[str, Path], Mapping[str, str]] | None = None

    def run(self, pipeline: Any) -> Ran | None:
        """Run all steps; return the last one's end. Raises JobFailed."""
        ran = None
        macros = {**self.variables, "System.AccessToken": self.offered["SYSTEM_ACCESSTOKEN"]}
        for step in pipeline["steps"]:
            environ = {n: self._expanded(v, macros) for n, v in step.get("env", {}).items()}
            inputs = step.get("inputs", {})
            if "bash" in step:
                ran = self._bash(step["bash"], environ, macros)
            elif step.get("task") == "AzureCLI@2":
                ran = self._az(inputs, environ, macros)
            elif step.get("task") == "DownloadSecureFile@1":
                file = self.secure_files[inputs["secureFile"]]
                macros[f"{step['name']}.secureFilePath"] = str(file)
            else:
                assert step == {"checkout": "none"}, step
        return ran

    def _az(self, inputs: Any, environ: dict[str, str], macros: Mapping[str, str]) -> Ran:
        assert (inputs["scriptType"], inputs["scriptLocation"]) == ("bash", "inlineScript")
        config = self.machine.temp / ".azclitask"
        assert self.azure_cli is not None
        subscription = self.azure_cli(inputs["azureSubscription"], config)
        more = {**environ, **subscription, "AZURE_CONFIG_DIR": str(config)}
        return self._bash(inputs["inlineScript"], more, macros)

    def _bash(self, script: str, environ: Mapping[str, str], macros: Mapping[str, str]) -> Ran:
        public = {n: v for n, v in self.offered.items() if n != "SYSTEM_ACCESSTOKEN"}
        given = {
            "AGENT_TEMPDIRECTORY": str(self.machine.temp),
            **public,
            **{name.upper().replace(".", "_"): value for name, value in self.variables.items()},
            **environ,
        }
        # The agent does not ask bash to stop at the first failure.
        shell = ("bash", "--noprofile", "--norc")
        return self.machine.shell(self._expanded(script, macros), given, shell=shell)

    def _expanded(self, text: str, macros: Mapping[str, str]) -> str:
        return _MACRO.sub(lambda found: macros.get(found[1], found[0]), text)


def gitlab(machine: Machine, job: Any, variables: Mapping[str, str], mint: Callable) -> Ran:
    """Run a job of GitLab CI ("CI/CD YAML syntax reference"); ``mint`` gives a token for an aud."""
    tokens = {name: mint(about["aud"]) for name, about in job.get("id_tokens", {}).items()}
    lines = [*job.get("before_script", []), *job["script"]]
    script = "set -eo pipefail\n" + "\n".join(lines)
    own = {name: str(value) for name, value in job.get("variables", {}).items()}
    given = {"CI": "true", "GITLAB_CI": "true", **variables, **own, **tokens}
    return machine.shell(script, given, shell=("bash",))


def circleci(machine: Machine, job: Any, environ: Mapping[str, str]) -> Ran:
    """Run the steps of a job of CircleCI ("Configuration reference")."""
    for step in job["steps"]:
        given = {"CI": "true", "CIRCLECI": "true", **environ}
        ran = machine.shell(step["run"]["command"], given, shell=("bash", "-eo", "pipefail"))
    return ran


def bitbucket(machine: Machine, step: Any, environ: Mapping[str, str]) -> Ran:
    """Run a step's script ("Configure your pipeline"): its lines are one script, which is shown."""
    script = "set -e\n" + "\n".join(step["script"])
    given = {"CI": "true", "BITBUCKET_BUILD_NUMBER": "1", **environ}
    return machine.shell(script, given, shell=("bash", "-x"))


def jenkins(machine: Machine, text: str, environ: Mapping[str, str]) -> Ran:
    """Run the `sh` steps of a declarative pipeline, those under `post` at the end in any case.

    Gives how the last one before `post` ended.
    """
    given = dict(environ)
    block = re.search(r"environment \{(.*?)\n    \}", text, re.S)
    for name, value in re.findall(r'(\w+) = "(.*)"', block[1] if block else ""):
        values = {**machine.environ, **given}
        given[name] = re.sub(r"\$\{(?:env\.)?(\w+)\}", lambda m: values[m[1]], value)  # noqa: B023
    stages, _, post = text.partition("\n    post {")
    try:
        for script in shell_steps(stages):
            ran = machine.shell(script, given, shell=("sh", "-xe"))
    finally:
        for script in shell_steps(post):
            machine.shell(script, given, shell=("sh", "-xe"))
    return ran


def shell_steps(text: str) -> list[str]:
    found = re.findall(r"\bsh (?:'''(.*?)'''|'([^'\n]*)')", text, re.S)
    # Groovy itself joins a line that ends with a backslash to the next.
    return [(long or short).replace("\\\n", "") for long, short in found]
