"""Proof of possession: tokens bound to a key, in every login that can have them."""

from __future__ import annotations

import json
import ssl
import stat
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from harness import not_on_windows
from jwt.algorithms import RSAAlgorithm

from kubeauth.testing import AKS_CLIENT_ID, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

TOKEN = "/oauth2/v2.0/token"
INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}


@pytest.fixture
def host(sim: Simulator) -> str:
    """The name of the cluster, with a "=" as resource names may have."""
    sim.cluster.resource_id = "/subscriptions/s/resourceGroups/g/connectedClusters/a=b"
    sim.cluster.require_pop = True
    return str(sim.cluster.resource_id)


@pytest.fixture
def proof(host: str) -> tuple[str, ...]:
    return ("--pop-enabled", "--pop-claims", f"u={host}")


def ask_server(sim: Simulator, token: str) -> int:
    """Ask the API server for something, as the owner of a token."""
    context = ssl.create_default_context(cafile=str(sim.ca_file))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    request = urllib.request.Request(
        sim.cluster.server + "/api/v1/namespaces", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def inside(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


class TestEveryLogin:
    def check(self, sim: Simulator, token: str) -> None:
        assert ask_server(sim, token) == 200
        assert ask_server(sim, inside(token)["at"]) == 401, "the token alone is worth nothing"

    def test_spn(self, program: Program, sim: Simulator, spn, proof) -> None:
        self.check(sim, program.get_token(*spn, *proof).status["token"])

    def test_ropc(self, program: Program, sim: Simulator, proof) -> None:
        sim.tenant.add_user("anna@contoso.example", "her-password")
        flags = ("-l", "ropc", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
        person = ("--username", "anna@contoso.example", "--password", "her-password")
        self.check(sim, program.get_token(*flags, *person, *proof).status["token"])

    def test_interactive_and_its_renewal(self, program: Program, sim: Simulator, proof) -> None:
        anna = sim.tenant.add_user("anna@contoso.example", "her-password")
        flags = ("-l", "interactive", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID, *proof)
        program.environ["KUBERNETES_EXEC_INFO"] = json.dumps(
            {**INFO, "spec": {"interactive": True}}
        )
        first = program.get_token(*flags, BROWSER=sim.browser_command(anna)).status["token"]
        again = program.get_token(*flags, "--force-refresh").status["token"]
        for token in (first, again):
            self.check(sim, token)
        assert inside(first)["at"] != inside(again)["at"]

    def test_workload_identity(self, program: Program, sim: Simulator, proof) -> None:
        issuer = sim.add_issuer()
        app = sim.tenant.add_application("workload")
        app.add_federated_credential(issuer=issuer.url, subject="s")
        ran = program.get_token(
            *("-l", "workloadidentity", "-t", sim.tenant.id, "--client-id", app.client_id),
            *("--assertion-source", "env:MY_JWT", *proof),
            MY_JWT=issuer.mint(subject="s"),
        )
        self.check(sim, ran.status["token"])

    @pytest.mark.parametrize("login", ["msi", "azurecli", "azd", "azurepipelines"])
    def test_refused_with_a_sentence(
        self, program: Program, sim: Simulator, proof, login: str
    ) -> None:
        ran = program.get_token("-l", login, *proof)
        assert "does not support proof of possession" in ran.error and ran.code == 2
        assert len(sim.requests) == 0


class TestSigning:
    def test_kubectl_is_told_when_the_signature_ends(
        self, program: Program, sim: Simulator, spn, proof
    ) -> None:
        """Not when the token does: a long-running client would be refused long before."""
        before = datetime.now(timezone.utc)
        status = program.get_token(*spn, *proof).status
        told = datetime.fromisoformat(status["expirationTimestamp"].replace("Z", "+00:00"))
        assert 500 < (told - before).total_seconds() < 700
        assert inside(inside(status["token"])["at"])["exp"] - before.timestamp() > 3000

    def test_what_was_signed_too_long_ago_is_refused(
        self, program: Program, sim: Simulator, spn, proof
    ) -> None:
        token = program.get_token(*spn, *proof).status["token"]
        sim.advance(14 * 60)
        assert ask_server(sim, token) == 200
        sim.advance(2 * 60)
        assert ask_server(sim, token) == 401
        assert sim.requests.count(grant_type="client_credentials") == 1

    def test_says_what_the_server_asks_for(
        self, program: Program, sim: Simulator, spn, host
    ) -> None:
        more = ("--pop-enabled", "--pop-claims", f"u={host},purpose=x=y")
        token = program.get_token(*spn, *more).status["token"]
        header, said = jwt.get_unverified_header(token), inside(token)
        assert header["typ"] == "pop" and header["alg"] == "RS256"
        assert said["u"] == host and said["purpose"] == "x=y"
        key = RSAAlgorithm.from_jwk(said["cnf"]["jwk"])
        jwt.decode(token, key, ["RS256"])
        assert inside(said["at"])["cnf"]["kid"] == header["kid"] == said["cnf"]["jwk"]["kid"]

    def test_signs_anew_over_one_token(self, program: Program, sim: Simulator, spn, proof) -> None:
        first, second = (program.get_token(*spn, *proof).status["token"] for _ in range(2))
        assert first != second and inside(first)["nonce"] != inside(second)["nonce"]
        assert inside(first)["at"] == inside(second)["at"]
        assert sim.requests.count(service="entra", path=TOKEN) == 1

    def test_a_plain_token_is_another_one(
        self, program: Program, sim: Simulator, spn, proof
    ) -> None:
        bound = program.get_token(*spn, *proof).status["token"]
        plain = program.get_token(*spn).status["token"]
        assert "at" not in inside(plain) and "cnf" not in inside(plain)
        assert inside(program.get_token(*spn, *proof).status["token"])["at"] == inside(bound)["at"]

    def test_a_key_that_is_gone_is_replaced_with_its_tokens(
        self, program: Program, sim: Simulator, spn, proof
    ) -> None:
        first = program.get_token(*spn, *proof).status["token"]
        for file in program.cache.glob("*.session.*"):
            file.unlink()
        second = program.get_token(*spn, *proof).status["token"]
        assert ask_server(sim, second) == 200
        assert inside(first)["cnf"] != inside(second)["cnf"]

    @not_on_windows("Windows has no modes")
    def test_the_key_is_private(self, program: Program, spn, proof) -> None:
        program.get_token(*spn, *proof, "-v", "9")
        for file in Path(program.cache).iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_nothing_is_kept_where_nothing_may_be(
        self, program: Program, sim: Simulator, spn, proof
    ) -> None:
        ran = program.get_token(*spn, *proof, "--cache-storage", "none")
        assert ask_server(sim, ran.status["token"]) == 200
        assert not program.cache.exists() or not list(program.cache.iterdir())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--pop-enabled",), "--pop-claims is required"),
        (("--pop-claims", "u=x"), "--pop-enabled is required"),
        (("--pop-enabled", "--pop-claims", "a=b"), "claim u"),
        (("--pop-enabled", "--pop-claims", "u"), "not name=value"),
        (("--pop-enabled", "--pop-claims", "u="), "not name=value"),
        (("--pop-enabled", "--pop-claims", "u=x,u=y"), "twice"),
        (("--pop-enabled", "--pop-claims", "u=x,at=y"), "'at'"),
    ],
)
def test_claims_that_make_no_sense(program: Program, sim: Simulator, spn, flags, said) -> None:
    ran = program.get_token(*spn, *flags)
    assert said in ran.error and ran.code == 2
    assert len(sim.requests) == 0
