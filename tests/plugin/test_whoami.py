"""``kubeauth whoami`` and ``kubeauth token``, against the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Program
from setups import write_kubeconfig

from kubeauth.jwt import claims_of
from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator

pytestmark = pytest.mark.process

KEYS = {
    *("context", "cluster", "login", "kind", "name", "objectId", "application", "tenant"),
    *("audience", "issuer", "version", "groups", "issuedAt", "expiresAt", "source", "apiServer"),
}


def whoami(program: Program, *args: str) -> dict[str, Any]:
    ran = program("whoami", "-o", "json", *args)
    assert ran.code == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    assert set(found) == KEYS
    return found


def test_an_application_by_its_context(
    program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
) -> None:
    write_kubeconfig(program, sim, spn)
    found = whoami(program)
    assert (found["context"], found["cluster"]) == ("prod", sim.cluster.server)
    assert (found["kind"], found["objectId"]) == ("application", app.object_id)
    assert (found["tenant"], found["audience"]) == (sim.tenant.id, sim.cluster.server_id)
    assert found["apiServer"]["user"] == app.object_id
    assert "system:authenticated" in found["apiServer"]["groups"]
    assert found["source"] == {"kind": "sign-in", "file": ""}
    again = whoami(program, "--context", "prod")["source"]
    assert again["kind"] == "cache" and Path(again["file"]).parent == program.cache
    shown = program("whoami").stdout
    assert app.object_id in shown and "API server" in shown
    assert app.secret not in shown + json.dumps(found)


def test_a_person_by_flags(program: Program, sim: Simulator) -> None:
    dana = sim.tenant.add_user("dana@contoso.example", "pass-word")
    flags = ("-l", "ropc", "--username", dana.upn, "--password", str(dana.password))
    found = whoami(
        program, *program.always, *flags, "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID
    )
    assert (found["kind"], found["name"]) == ("user", dana.upn)
    assert found["apiServer"] is None and found["context"] == ""


def test_more_than_200_groups_are_an_overage(program: Program, sim: Simulator) -> None:
    dana = sim.tenant.add_user(
        "dana@contoso.example", "pass-word", groups=[f"group-{number}" for number in range(201)]
    )
    flags = ("-l", "ropc", "--username", dana.upn, "--password", str(dana.password))
    write_kubeconfig(
        program, sim, (*flags, "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    )
    assert whoami(program)["groups"] == {"count": None, "overage": True}
    assert "more than 200" in program("whoami").stdout


def test_version_2_tokens_name_the_application_too(
    program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
) -> None:
    server = sim.tenant.add_application("server")
    server.token_version = 2
    found = whoami(program, *program.always[2:], "--server-id", server.client_id, *spn)
    assert (found["version"], found["application"]) == ("2.0", app.client_id)
    assert found["issuer"].endswith("/v2.0")


def test_a_server_that_refuses_or_is_away_is_no_failure(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    write_kubeconfig(program, sim, spn, cluster={"server": "https://127.0.0.1:9"})
    away = whoami(program)["apiServer"]
    assert not away["reached"] and "127.0.0.1:9" in away["error"]
    write_kubeconfig(program, sim, spn)
    sim.revoke_tokens()
    refused = whoami(program)["apiServer"]
    assert (refused["status"], refused["error"]) == (401, "Unauthorized")


def test_token_prints_the_token_or_its_claims(
    program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
) -> None:
    write_kubeconfig(program, sim, spn)
    ran = program("token")
    assert claims_of(ran.stdout)["oid"] == app.object_id
    assert ran.stdout.count("\n") == 1 and ran.stderr == ""
    claims = json.loads(program("token", "--decode").stdout)
    assert claims["oid"] == app.object_id and str(claims["exp"]).startswith("20")


def test_a_context_that_does_not_exist(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    write_kubeconfig(program, sim, spn)
    for command in ("whoami", "token"):
        assert "'prodd' is in no kubeconfig" in program(command, "--context", "prodd").error
