"""The recipes of docs/federated.md: each source as it stands there, with a double of its program.

The application trusts exactly the issuer, subject and audience of the page, and the double gives a
token for them if it is asked as the real program has to be asked.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import install_program, not_on_windows

from kubeauth.testing import Simulator

if TYPE_CHECKING:
    from harness import Program

PAGE = (Path(__file__).parents[2] / "docs" / "federated.md").read_text("utf-8")
AUDIENCE = "api://AzureADTokenExchange"
# Section -> the program that it runs, the arguments that it must get, and what it prints around the
# token.
PROGRAMS = {
    "CircleCI": (
        "circleci",
        ["run", "oidc", "get", "--claims", json.dumps({"aud": AUDIENCE})],
        "{token}\n",
    ),
    "Buildkite": (
        "buildkite-agent",
        ["oidc", "request-token", "--audience", AUDIENCE, "--subject-claim", "pipeline_id"],
        "{token}\n",
    ),
    "HashiCorp Vault": ("vault", ["read", "-field=token", "identity/oidc/token/ROLE"], "{token}"),
    "SPIFFE": (
        "spire-agent",
        ["api", "fetch", "jwt", "-audience", AUDIENCE],
        "token(spiffe://TRUST-DOMAIN/WORKLOAD):\n\t{token}\n"
        'bundle(spiffe://TRUST-DOMAIN):\n\t{{"keys": [{{"n": "eyJub3QiOiJpdCJ9"}}]}}\n',
    ),
    "AWS": (
        "aws",
        [
            *("sts", "get-web-identity-token", "--audience", AUDIENCE),
            *("--signing-algorithm", "RS256", "--query", "WebIdentityToken", "--output", "text"),
        ],
        "{token}\n",
    ),
    "Another Kubernetes cluster": (
        "kubectl",
        [
            *("--kubeconfig", "other.yaml", "create", "token", "NAME"),
            *("--namespace", "NAMESPACE", "--audience", AUDIENCE),
        ],
        "{token}\n",
    ),
}
VARIABLES = ("Bitbucket", "Terraform Cloud")
DOUBLE = """
import sys
if sys.argv[1:] != {expected!r}:
    sys.exit(f"not as the real one: {{sys.argv[1:]}}")
sys.stdout.write(open({file!r}).read())
"""


@dataclass(frozen=True)
class Recipe:
    source: str
    issuer: str
    subject: str
    audience: str


def recipes() -> dict[str, Recipe]:
    found = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        name = section.partition("\n")[0]
        source = re.search(r"^    (--assertion-source .*)$", section, re.MULTILINE)
        row = re.search(r"^\| `([^`]+)`[^|]* \| (.*?) \| `([^`]+)` \|$", section, re.MULTILINE)
        if source and row:
            flag, value = shlex.split(source[1])
            assert flag == "--assertion-source"
            found[name] = Recipe(value, row[1], row[2].strip("`"), row[3])
    return found


RECIPES = recipes()


def test_every_recipe_is_here() -> None:
    assert set(RECIPES) == {*PROGRAMS, *VARIABLES, "A managed identity", "Google Cloud"}


@pytest.fixture
def signed_in(program: Program, sim: Simulator):
    """Sign in as an application that trusts what the page says."""

    def run(recipe: Recipe, *, subject: str = "", **variables: str):
        app = sim.tenant.add_application("federated")
        app.secrets.clear()
        app.add_federated_credential(
            issuer=recipe.issuer, subject=subject or recipe.subject, audience=recipe.audience
        )
        ids = ("--tenant-id", sim.tenant.id, "--client-id", app.client_id)
        source = ("--assertion-source", recipe.source)
        return program.get_token("-l", "workloadidentity", *ids, *source, **variables)

    return run


@not_on_windows("the page's commands are for a shell of Linux and macOS")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(name: str, signed_in, sim: Simulator, program: Program, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    called, expected, printed = PROGRAMS[name]
    token = sim.add_issuer(recipe.issuer).mint(subject=recipe.subject, audience=recipe.audience)
    output = tmp_path / "output"
    output.write_text(printed.format(token=token))
    install_program(tmp_path / "bin", called, DOUBLE.format(expected=expected, file=str(output)))
    path = f"{tmp_path / 'bin'}:{program.environ['PATH']}"
    ran = signed_in(recipe, PATH=path)
    assert ran.status["token"] and token not in ran.stderr


def test_terraform_cloud(signed_in, sim: Simulator) -> None:
    recipe = RECIPES["Terraform Cloud"]
    token = sim.add_issuer(recipe.issuer).mint(subject=recipe.subject, audience=recipe.audience)
    assert signed_in(recipe, TFC_WORKLOAD_IDENTITY_TOKEN=token).status["token"]


def test_bitbucket_does_not_get_in(signed_in, sim: Simulator) -> None:
    """The page says so: each run of a step has another subject."""
    recipe = RECIPES["Bitbucket"]
    token = sim.add_issuer(recipe.issuer).mint(
        subject="{REPOSITORY-UUID}:{ANOTHER-STEP}", audience=recipe.audience
    )
    ran = signed_in(recipe, BITBUCKET_STEP_OIDC_TOKEN=token)
    assert "AADSTS700213" in ran.error and "ANOTHER-STEP" in ran.stderr


def test_a_managed_identity(signed_in, sim: Simulator) -> None:
    recipe = RECIPES["A managed identity"]
    identity = sim.add_managed_identity()
    issuer = recipe.issuer.replace("https://login.microsoftonline.com/", sim.authority)
    own = Recipe(
        recipe.source.partition(":")[0],
        issuer.replace("TENANT-ID", sim.tenant.id),
        identity.object_id,
        recipe.audience,
    )
    assert signed_in(own).status["token"]


def test_google(signed_in, sim: Simulator) -> None:
    sim.hosts.google.sign_in_as("104")
    recipe = RECIPES["Google Cloud"]
    assert signed_in(recipe, subject="104", **sim.hosts.google.environ).status["token"]
