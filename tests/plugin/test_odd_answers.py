"""Answers that are JSON, or nearly, and no token: errors that say so, never passed to kubectl."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubeauth.testing import AKS_CLIENT_ID, Fault, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
INTERACTIVE = {"KUBERNETES_EXEC_INFO": json.dumps({**INFO, "spec": {"interactive": True}})}
GOOD = {"access_token": "a.b.c", "expires_in": 3600, "token_type": "Bearer"}


def answering(sim: Simulator, answer: Any, path: str = "/token", **more: Any) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    fault = {"status": 200, "times": None, **more}
    sim.faults.add(Fault(service="entra", path=path, body=body, **fault))


class TestTokens:
    @pytest.mark.parametrize(
        "token", [None, "", " ", {}, ["x"], 5, True, "a b", "a\nb", "a\x00b", "tökén"], ids=repr
    )
    def test_what_is_none(self, program: Program, sim: Simulator, spn, token: Any) -> None:
        answering(sim, {**GOOD, "access_token": token})
        ran = program.get_token(*spn)
        assert ran.code == 7 and "is not OAuth (HTTP 200" in ran.error
        assert not list(program.cache.glob("*.token.json"))

    def test_white_space_around_one_is_dropped(self, program: Program, sim: Simulator, spn) -> None:
        answering(sim, {**GOOD, "access_token": " a.b.c\r\n"})
        assert program.get_token(*spn).status["token"] == "a.b.c"

    def test_an_interim_answer_and_no_other(self, program: Program, sim: Simulator, spn) -> None:
        answering(sim, b"", status=199)
        ran = program.get_token(*spn, "--timeout", "3s")
        # The package requests, which Windows takes for its proxies, returns it as the answer.
        said = "(HTTP 199" if os.name == "nt" else "(the server hung up)"
        assert ran.code == 7 and said in ran.error

    @pytest.mark.parametrize("kind", ["mac", "pop", "DPoP"])
    def test_another_kind_than_bearer(self, program: Program, sim, spn, kind: str) -> None:
        answering(sim, {**GOOD, "token_type": kind})
        ran = program.get_token(*spn)
        assert ran.code == 4 and "another kind than Bearer" in ran.error

    @pytest.mark.parametrize("answer", [[], None, "x", 5, {}, {"token_type": "Bearer"}], ids=repr)
    def test_other_json(self, program: Program, sim: Simulator, spn, answer: Any) -> None:
        answering(sim, answer)
        ran = program.get_token(*spn)
        assert ran.code == 7 and "is not OAuth" in ran.error


class TestLifetimes:
    @pytest.mark.parametrize("seconds", [0, -100, "0"], ids=repr)
    def test_a_token_that_is_over(self, program: Program, sim: Simulator, spn, seconds) -> None:
        answering(sim, {**GOOD, "expires_in": seconds})
        ran = program.get_token(*spn)
        assert ran.code == 7 and "has already expired" in ran.error and "clock" in ran.stderr

    @pytest.mark.parametrize("text", [b"null", b"1e400", b'"soon"', b"[]", b"1e300"])
    def test_no_lifetime(self, program: Program, sim: Simulator, spn, text: bytes) -> None:
        answering(
            sim, b'{"access_token": "a.b.c", "token_type": "Bearer", "expires_in": %b}' % text
        )
        ran = program.get_token(*spn)
        assert ran.code == 7 and ran.error

    def test_numbers_as_text(self, program: Program, sim: Simulator, spn) -> None:
        """AD FS and older endpoints write them so; MSAL fails over a refresh_in of that kind."""
        answering(sim, {**GOOD, "expires_in": "3600", "refresh_in": "1800"})
        assert program.get_token(*spn).status["token"] == "a.b.c"

    def test_a_person_is_not_asked_in_vain(self, program: Program, sim: Simulator) -> None:
        anna = sim.tenant.add_user("anna@contoso.example")
        sim.refresh_in = "1800"
        ran = program.get_token(
            *("-l", "interactive", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID),
            BROWSER=sim.browser_command(anna),
            **INTERACTIVE,
        )
        assert ran.status["token"]


class TestOtherEndpoints:
    @pytest.mark.parametrize("missing", ["device_code", "user_code", "verification_uri"])
    def test_a_device_code_without_its_parts(
        self, program: Program, sim: Simulator, missing: str
    ) -> None:
        whole = {"device_code": "d", "user_code": "u", "verification_uri": "https://x"}
        whole |= {"expires_in": 900, "interval": 1}
        answering(sim, {n: v for n, v in whole.items() if n != missing}, "/devicecode")
        ran = program.get_token(
            *("-l", "devicecode", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID), **INTERACTIVE
        )
        assert ran.code == 7 and ran.error

    @pytest.mark.parametrize("answer", [[], None, "x"], ids=repr)
    def test_a_realm_that_is_none(self, program: Program, sim: Simulator, answer: Any) -> None:
        answering(sim, answer, "/userrealm/")
        person = ("--username", "anna@contoso.example", "--password", "p")
        ran = program.get_token(
            *("-l", "ropc", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID, *person)
        )
        assert ran.code == 7 and ran.error


class TestTrouble:
    @pytest.mark.parametrize("body", [b"<html>slow down", b"", b'{"error": "x"}'])
    def test_too_often(self, program: Program, sim: Simulator, spn, body: bytes) -> None:
        answering(sim, body, status=429, headers={"Retry-After": "120"})
        begun = time.monotonic()
        ran = program.get_token(*spn)
        assert ran.code == 12 and "too many requests (HTTP 429)" in ran.error
        assert time.monotonic() - begun < 20 and len(sim.requests) <= 2

    @pytest.mark.parametrize("way", ["flag", "file", "variable", "federated"])
    def test_a_secret_that_is_quoted_is_not_shown(
        self, program: Program, sim: Simulator, spn, way: str, tmp_path: Path
    ) -> None:
        identity, secret = spn[2:-2], spn[-1]
        file = tmp_path / "secret"
        if way == "federated":
            secret = sim.add_issuer().mint(subject="s")
        file.write_text(secret)
        flags = {
            "flag": ("-l", "spn", "--client-secret", secret),
            "file": ("-l", "spn", "--client-secret-file", str(file)),
            "variable": ("-l", "spn", "--client-secret-env", "MINE"),
            "federated": ("-l", "workloadidentity", "--federated-token-file", str(file)),
        }[way]
        said = {"error": "invalid_client", "error_description": f"AADSTS7000215: not {secret}!"}
        answering(sim, said, status=401)
        ran = program.get_token(*flags, *identity, "-v", "9", MINE=secret)
        assert ran.code == 4 and "AADSTS7000215" in ran.stderr and secret not in ran.stderr
        kept = [each for each in program.cache.iterdir() if each.is_file()]
        assert kept and not any(secret.encode() in each.read_bytes() for each in kept)


class TestDenied:
    """`access_denied` is the word for many things; only the person's own no is a cancellation."""

    @pytest.mark.parametrize("code", ["AADSTS50105", "AADSTS53003", "AADSTS1003031"])
    def test_by_entra(self, program: Program, sim: Simulator, spn, code: str) -> None:
        said = {"error": "access_denied", "error_description": f"{code}: no", "correlation_id": "c"}
        answering(sim, said, status=400)
        ran = program.get_token(*spn)
        assert ran.code == 4 and code in ran.error and "(correlation id c)" in ran.error

    def test_a_device_code_under_conditional_access(self, program: Program, sim: Simulator) -> None:
        said = {"error": "access_denied", "error_description": "AADSTS53003: blocked"}
        answering(sim, said, status=400, path="/oauth2/v2.0/token")
        sim.device_code_interval = 1
        ran = program.get_token(
            *("-l", "devicecode", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID), **INTERACTIVE
        )
        assert ran.code == 4 and "use -l interactive" in ran.stderr

    @pytest.mark.parametrize("description", ["AADSTS65004: User declined to consent", ""])
    def test_by_the_person(self, program: Program, sim: Simulator, description: str) -> None:
        answering(sim, {"error": "access_denied", "error_description": description}, status=400)
        sim.device_code_interval = 1
        ran = program.get_token(
            *("-l", "devicecode", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID), **INTERACTIVE
        )
        assert ran.code == 6 and "declined" in ran.stderr
