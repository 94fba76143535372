"""``--login msi`` wherever Azure runs programs: each service's endpoint, and what can go wrong."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from harness import Ran, until

from kubeauth.testing import Fault, ManagedIdentity, Simulator
from kubeauth.testing.identity_hosts import ARC_FOLDER

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

HOSTS = ("app_service", "machine_learning", "arc", "service_fabric", "cloud_shell")
CHOOSING = ("app_service", "machine_learning", "arc")
NO_IMDS = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:9"}


def can_write_arc_keys() -> bool:
    folder = Path(ARC_FOLDER)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(existing, os.W_OK)


def skip_unless_possible(host: str) -> None:
    if host == "arc" and not can_write_arc_keys():
        pytest.skip(f"Azure Arc's keys have to lie in {ARC_FOLDER}, which this user cannot write")


@pytest.fixture(scope="module")
def machine(simulator: Simulator) -> ManagedIdentity:
    """The machine's own identity."""
    return simulator.add_managed_identity(system_assigned=True)


@pytest.fixture
def assigned(sim: Simulator, machine: ManagedIdentity) -> ManagedIdentity:
    return sim.add_managed_identity()


def who(ran: Ran) -> str:
    claims = jwt.decode(ran.status["token"], options={"verify_signature": False})
    return str(claims["oid"])


def environ(sim: Simulator, host: str, **more: str) -> dict[str, str]:
    skip_unless_possible(host)
    return {**NO_IMDS, **getattr(sim.hosts, host).environ, **more}


class TestEveryHost:
    @pytest.mark.parametrize("host", HOSTS)
    def test_the_machines_own_identity(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str
    ) -> None:
        ran = program.get_token("-l", "msi", **environ(sim, host))
        assert who(ran) == machine.object_id
        again = program.get_token("-l", "msi", **environ(sim, host))
        assert again.stdout == ran.stdout
        assert len(sim.requests) == (2 if host == "arc" else 1)

    @pytest.mark.parametrize("host", CHOOSING)
    @pytest.mark.parametrize(
        ("flag", "attribute"),
        [
            ("--client-id", "client_id"),
            ("--identity-resource-id", "resource_id"),
            ("--identity-object-id", "object_id"),
        ],
    )
    def test_an_identity_that_was_assigned(
        self,
        program: Program,
        sim: Simulator,
        assigned: ManagedIdentity,
        host: str,
        flag: str,
        attribute: str,
    ) -> None:
        named = (flag, getattr(assigned, attribute))
        ran = program.get_token("-l", "msi", *named, **environ(sim, host))
        assert who(ran) == assigned.object_id

    @pytest.mark.parametrize("host", CHOOSING)
    def test_one_that_was_not(self, program: Program, sim: Simulator, host: str) -> None:
        ran = program.get_token("-l", "msi", "--client-id", "nobody", **environ(sim, host))
        assert ran.code == 4 and "sign-in as managed identity nobody" in ran.error
        assert "hint: assign the identity" in ran.stderr

    @pytest.mark.parametrize("host", ["service_fabric", "cloud_shell"])
    @pytest.mark.parametrize(
        "flag", ["--client-id", "--identity-resource-id", "--identity-object-id"]
    )
    def test_where_it_cannot_be_chosen(
        self, program: Program, sim: Simulator, host: str, flag: str
    ) -> None:
        ran = program.get_token("-l", "msi", flag, "x", **environ(sim, host))
        assert ran.code == 2 and "has one identity only" in ran.error
        assert flag in ran.stderr and not len(sim.requests)

    @pytest.mark.parametrize("host", HOSTS)
    def test_an_unknown_api_server(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str
    ) -> None:
        server = ("--server-id", "11111111-0000-0000-0000-000000000000")
        ran = program.get_token("-l", "msi", *server, limit=100, **environ(sim, host))
        assert ran.code == 4 and "AADSTS500011" in ran.error and "--server-id" in ran.stderr

    @pytest.mark.parametrize("host", HOSTS)
    def test_never_through_a_proxy(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str
    ) -> None:
        proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9")
        ran = program.get_token("-l", "msi", **environ(sim, host), **proxy)
        assert who(ran) == machine.object_id

    @pytest.mark.parametrize("host", HOSTS)
    def test_an_endpoint_that_hangs(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str
    ) -> None:
        service = "service-fabric" if host == "service_fabric" else "identity-host"
        sim.faults.add(Fault(service=service, hang=60, times=None))
        begun = time.monotonic()
        ran = program.get_token("-l", "msi", "--timeout", "2", **environ(sim, host))
        assert ran.code == 7 and "no answer in time" in ran.error
        assert time.monotonic() - begun < 30

    @pytest.mark.parametrize("host", HOSTS)
    @pytest.mark.parametrize(
        "body", [b"<html>hello", b"[]", b"{}", b'{"access_token": ""}', b'{"access_token": {}}']
    )
    def test_an_answer_that_is_none(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str, body: bytes
    ) -> None:
        service = "service-fabric" if host == "service_fabric" else "identity-host"
        sim.faults.add(Fault(service=service, status=200, body=body, times=None))
        ran = program.get_token("-l", "msi", **environ(sim, host))
        assert ran.code == 7 and "no usable answer (HTTP 200)" in ran.error

    @pytest.mark.parametrize("host", ["app_service", "machine_learning", "service_fabric"])
    def test_a_secret_that_is_wrong(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str
    ) -> None:
        name = "MSI_SECRET" if host == "machine_learning" else "IDENTITY_HEADER"
        ran = program.get_token("-l", "msi", **{**environ(sim, host), name: "s3cret-of-yesterday"})
        assert ran.code == 4 and "s3cret" not in ran.stderr and ran.error

    @pytest.mark.parametrize(
        "names",
        [
            ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
            ("MSI_ENDPOINT", "MSI_SECRET"),
            ("IDENTITY_ENDPOINT", "IMDS_ENDPOINT", "AZUREPS_HOST_ENVIRONMENT"),
        ],
    )
    def test_a_variable_that_is_empty_counts_as_unset(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, names: tuple[str, ...]
    ) -> None:
        ran = program.get_token("-l", "msi", **dict.fromkeys(names, ""))
        assert who(ran) == machine.object_id
        assert sim.requests.count(service="imds") == 1


class TestArc:
    @pytest.fixture(autouse=True)
    def possible(self) -> None:
        skip_unless_possible("arc")

    def test_an_old_agent_gives_no_token_of_another_identity(
        self, program: Program, sim: Simulator, assigned: ManagedIdentity
    ) -> None:
        sim.hosts.arc.knows_user_assigned = False
        named = ("--client-id", assigned.client_id)
        ran = program.get_token("-l", "msi", *named, **environ(sim, "arc"))
        assert ran.code == 4 and "the machine's own identity" in ran.error

    def test_a_key_that_is_not_there(
        self, program: Program, sim: Simulator, machine: ManagedIdentity
    ) -> None:
        sim.hosts.arc.writes_keys = False
        ran = program.get_token("-l", "msi", **environ(sim, "arc"))
        assert ran.code == 4 and "cannot be read (No such file or directory)" in ran.error
        assert "group himds" in ran.stderr

    @pytest.mark.parametrize(
        "challenge",
        [
            "Basic realm=/etc/shadow",
            "Basic realm=/var/opt/azcmagent/tokens/../../../../etc/hostname",
            "Basic realm=.key",
            'Digest realm="/var/opt/azcmagent/tokens/a.key"',
            "",
        ],
    )
    def test_no_other_file_is_sent(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, challenge: str
    ) -> None:
        fault = Fault(
            service="identity-host", status=401, headers={"WWW-Authenticate": challenge}, times=None
        )
        sim.faults.add(fault)
        ran = program.get_token("-l", "msi", **environ(sim, "arc"))
        assert ran.code == 4 and "names no key file that may be read" in ran.error
        assert len(sim.requests) == 1

    def test_keys_do_not_stay(
        self, program: Program, sim: Simulator, machine: ManagedIdentity
    ) -> None:
        before = set(Path(ARC_FOLDER).glob("*.key"))
        assert program.get_token("-l", "msi", **environ(sim, "arc")).code == 0
        left = set(Path(ARC_FOLDER).glob("*.key")) - before
        # The folder is the machine's: other tests' keys come and go.
        until(lambda: not any(file.exists() for file in left))


class TestServiceFabric:
    def test_the_thumbprint_is_all_that_counts(
        self, program: Program, sim: Simulator, machine: ManagedIdentity
    ) -> None:
        colons = ":".join(
            sim.hosts.service_fabric.thumbprint[at : at + 2] for at in range(0, 40, 2)
        )
        more = {"IDENTITY_SERVER_THUMBPRINT": colons}
        ran = program.get_token("-l", "msi", **{**environ(sim, "service_fabric"), **more})
        assert who(ran) == machine.object_id

    def test_another_certificate(self, program: Program, sim: Simulator) -> None:
        more = {"IDENTITY_SERVER_THUMBPRINT": "ab" * 20}
        ran = program.get_token("-l", "msi", **{**environ(sim, "service_fabric"), **more})
        assert ran.code == 7 and "another certificate" in ran.error
        assert not len(sim.requests)

    def test_what_is_no_thumbprint(self, program: Program, sim: Simulator) -> None:
        more = {"IDENTITY_SERVER_THUMBPRINT": "thumb"}
        ran = program.get_token("-l", "msi", **{**environ(sim, "service_fabric"), **more})
        assert ran.code == 2 and "IDENTITY_SERVER_THUMBPRINT" in ran.error


class TestNames:
    def test_what_a_flag_names_is_not_replaced_by_the_webhooks_variable(
        self, program: Program, sim: Simulator, assigned: ManagedIdentity
    ) -> None:
        pod = {"AZURE_CLIENT_ID": "99999999-0000-0000-0000-000000000000"}
        for flag, value in (
            ("--identity-object-id", assigned.object_id),
            ("--identity-resource-id", assigned.resource_id),
        ):
            assert who(program.get_token("-l", "msi", flag, value, **pod)) == assigned.object_id

    def test_another_login_by_variable_has_a_client_of_its_own(
        self, program: Program, sim: Simulator
    ) -> None:
        app = sim.tenant.add_application("ci")
        ran = program.get_token(
            *("-l", "msi", "--identity-object-id", "of-the-machine"),
            AAD_LOGIN_METHOD="spn",
            AZURE_CLIENT_ID=app.client_id,
            AZURE_CLIENT_SECRET=app.secret,
            AZURE_TENANT_ID=sim.tenant.id,
        )
        assert who(ran) == app.object_id

    @pytest.mark.parametrize("other", ["--client-id", "--identity-resource-id"])
    def test_two_names_are_one_too_many(self, program: Program, sim: Simulator, other: str) -> None:
        ran = program.get_token("-l", "msi", "--identity-object-id", "a", other, "b")
        assert ran.code == 2 and "two identities" in ran.error and not len(sim.requests)


class TestTrouble:
    def test_a_service_in_trouble_is_not_a_no(
        self, program: Program, sim: Simulator, machine: ManagedIdentity
    ) -> None:
        body = json.dumps({"statusCode": 500, "message": "An unexpected error occurred"}).encode()
        sim.faults.add(Fault(service="identity-host", status=500, body=body, times=None))
        ran = program.get_token("-l", "msi", **environ(sim, "app_service"))
        assert ran.code == 7 and "HTTP 500: An unexpected error occurred" in ran.error
        assert "--server-id" in ran.stderr and "azurecli" not in ran.stderr

    @pytest.mark.parametrize(
        "body",
        [
            b'{"access_token": "a.b.c", "expires_in": 3600, "refresh_in": 1e999}',
            b"[" * 100_000,
        ],
    )
    def test_json_that_makes_no_sense(self, program: Program, sim: Simulator, body: bytes) -> None:
        sim.faults.add(Fault(service="imds", status=200, body=body, times=None))
        ran = program.get_token("-l", "msi")
        assert ran.code == 7 and "no usable answer" in ran.error

    def test_a_header_that_is_none(self, program: Program, sim: Simulator) -> None:
        environ = {**sim.hosts.app_service.environ, "IDENTITY_HEADER": "s\u20ac"}
        ran = program.get_token("-l", "msi", **environ)
        assert ran.code == 2 and "IDENTITY_HEADER" in ran.error and "\u20ac" not in ran.stderr

    def test_an_endpoint_that_speaks_no_tls(self, program: Program, sim: Simulator) -> None:
        url = sim.imds_url.replace("http:", "https:")
        ran = program.get_token("-l", "msi", AZURE_POD_IDENTITY_AUTHORITY_HOST=url)
        assert ran.code == 7 and "does not speak TLS" in ran.error

    def test_a_cache_that_cannot_be_written_is_no_matter_of_a_failure(
        self, program: Program
    ) -> None:
        ran = program.get_token("-l", "msi", "--cache-dir", "/proc/none", **NO_IMDS)
        assert ran.code == 8 and "Connection refused" in ran.error

    def test_imds_in_trouble(self, program: Program, sim: Simulator) -> None:
        sim.faults.add(Fault(service="imds", status=503, body=b"busy", times=None))
        ran = program.get_token("-l", "msi", "--timeout", "3")
        assert ran.code == 7 and "is in trouble (HTTP 503)" in ran.error
        assert "try again" in ran.stderr


class TestNoToken:
    """Throttled, not ready and not there are told apart, each with its own way on."""

    @pytest.mark.parametrize("host", ["imds", "app_service"])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b'{"error": "too_many_requests", "error_description": "slow down"}',
            b'{"statusCode": 429, "message": "slow down"}',
        ],
    )
    def test_throttled(
        self, program: Program, sim: Simulator, machine: ManagedIdentity, host: str, body: bytes
    ) -> None:
        headers = {"Retry-After": "120", "Content-Type": "application/json"}
        service = "imds" if host == "imds" else "identity-host"
        fault = Fault(service=service, status=429, headers=headers, body=body, times=None)
        sim.faults.add(fault)
        surroundings = {} if host == "imds" else environ(sim, host)
        ran = program.get_token("-l", "msi", **surroundings)
        assert ran.code == 12 and "gets too many requests (HTTP 429" in ran.error
        assert "wait a minute" in ran.stderr and "Azure machines only" not in ran.stderr
        assert ("slow down" in ran.error) == bool(body)

    @pytest.mark.parametrize("status", [404, 410])
    @pytest.mark.parametrize("body", [b"", b'{"error": "not_found", "error_description": "soon"}'])
    def test_not_ready(
        self,
        program: Program,
        sim: Simulator,
        machine: ManagedIdentity,
        status: int,
        body: bytes,
    ) -> None:
        sim.faults.add(Fault(service="imds", status=status, body=body, times=None))
        ran = program.get_token("-l", "msi", "--timeout", "2")
        assert ran.code == 7 and f"is not ready (HTTP {status}" in ran.error
        assert "70 s" in ran.stderr and "Azure machines only" not in ran.stderr

    @pytest.mark.parametrize(
        ("status", "body", "headers"),
        [
            (404, b"<!DOCTYPE html><html><body>404 - Not Found</body></html>", {}),
            (401, b'<?xml version="1.0"?><html><title>401 - Unauthorized</title></html>', {}),
            (200, b"\n<html>Accept the terms of this hotel", {}),
            (404, b"not found", {"Metadata-Flavor": "Google"}),
        ],
    )
    def test_not_there(
        self,
        program: Program,
        sim: Simulator,
        status: int,
        body: bytes,
        headers: dict[str, str],
    ) -> None:
        fault = Fault(service="imds", status=status, headers=headers, body=body, times=None)
        sim.faults.add(fault)
        ran = program.get_token("-l", "msi", "--timeout", "2")
        assert ran.code == 8 and "something else answers in place of" in ran.error
        assert f"(HTTP {status})" in ran.error and "Azure machines only" in ran.stderr

    def test_an_identity_that_is_not_assigned_is_a_refusal_all_the_same(
        self, program: Program, sim: Simulator
    ) -> None:
        body = json.dumps({"error": "x", "error_description": "Identity not found"}).encode()
        sim.faults.add(Fault(service="imds", status=404, body=body, times=None))
        ran = program.get_token("-l", "msi", "--timeout", "2")
        assert ran.code == 4 and "assign the identity" in ran.stderr


class TestElsewhere:
    def test_an_error_of_cloud_shell(self, program: Program, sim: Simulator) -> None:
        said = {"error": {"code": "AudienceNotSupported", "message": "Audience x is not supported"}}
        body = json.dumps(said).encode()
        sim.faults.add(Fault(service="identity-host", status=400, body=body))
        ran = program.get_token("-l", "msi", **environ(sim, "cloud_shell"))
        assert "Audience x is not supported (AudienceNotSupported)" in ran.error

    def test_several_identities(self, program: Program) -> None:
        with Simulator() as other:
            other.add_managed_identity()
            other.add_managed_identity()
            ran = program.get_token("-l", "msi", **other.environ())
        assert ran.code == 4 and "hint: name one with --client-id" in ran.stderr

    def test_an_audience_with_a_prefix_is_told(
        self, program: Program, sim: Simulator, machine: ManagedIdentity
    ) -> None:
        """As Azure Container Instances give them."""
        token = sim.mint_token(machine, audience=f"spn:{sim.cluster.server_id}")
        said: dict[str, Any] = {"access_token": token, "expires_in": "3600", "token_type": "Bearer"}
        sim.faults.add(Fault(service="imds", status=200, body=json.dumps(said).encode()))
        ran = program.get_token("-l", "msi")
        assert ran.status["token"] == token
        assert ran.stderr.startswith("warning: ") and "refuse the prefix spn:" in ran.stderr

    def test_what_looks_like_a_token_is_not_shown(self, program: Program, sim: Simulator) -> None:
        token = sim.mint_token(sim.add_managed_identity())
        body = json.dumps({"error": "e", "error_description": f"got {token}"}).encode()
        sim.faults.add(Fault(service="imds", status=400, body=body))
        ran = program.get_token("-l", "msi", "-v", "9")
        assert ran.code == 4 and token[:40] not in ran.stderr

    def test_by_object_id(
        self, program: Program, sim: Simulator, assigned: ManagedIdentity
    ) -> None:
        ran = program.get_token("-l", "msi", "--identity-object-id", assigned.object_id)
        assert who(ran) == assigned.object_id

    def test_in_a_pod_with_workload_identity_it_stays_managed_identity(
        self, program: Program, sim: Simulator, assigned: ManagedIdentity
    ) -> None:
        ran = program.get_token(
            *("-l", "msi", "--client-id", assigned.client_id),
            AZURE_AUTHORITY_HOST=sim.authority,
            AZURE_TENANT_ID=sim.tenant.id,
            AZURE_FEDERATED_TOKEN_FILE="/nonexistent",
        )
        assert who(ran) == assigned.object_id
