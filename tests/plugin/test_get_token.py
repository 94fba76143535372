"""``kubeauth get-token`` as kubectl runs it, against the simulator over real TLS."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import jwt
import pytest
from harness import KUBEAUTH, WINDOWS, Program, install_program, not_in_wine, not_on_windows

from kubeauth.testing import Application, Fault, Simulator

pytestmark = pytest.mark.process

TOKEN = "/oauth2/v2.0/token"


def claims(token: str) -> dict[str, object]:
    found: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return found


def asked(sim: Simulator) -> int:
    return sim.requests.count(service="entra", path=TOKEN) + sim.requests.count(service="imds")


@pytest.fixture
def assertion(sim: Simulator, tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A federated token in a file, and the flags that sign in with it."""
    issuer = sim.add_issuer()
    workload = sim.tenant.add_application("workload")
    workload.add_federated_credential(issuer=issuer.url, subject="system:serviceaccount:shop:api")
    file = tmp_path / "azure-identity-token"
    file.write_text(
        issuer.mint(subject="system:serviceaccount:shop:api", audience="api://AzureADTokenExchange")
        + "\n"
    )
    return file, (
        *("--login", "workloadidentity", "--tenant-id", sim.tenant.id),
        *("--client-id", workload.client_id, "--federated-token-file", str(file)),
    )


@pytest.fixture(scope="module")
def machine(simulator: Simulator) -> None:
    """Make this machine one that has an identity."""
    simulator.add_managed_identity(simulator.tenant, system_assigned=True)


class TestSigningIn:
    def test_service_principal(
        self, program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
    ) -> None:
        said = claims(program.get_token(*spn).status["token"])
        assert (said["appid"], said["tid"]) == (app.client_id, sim.tenant.id)
        assert said["aud"] == sim.cluster.server_id

    @pytest.mark.usefixtures("machine")
    def test_managed_identity(self, program: Program, sim: Simulator) -> None:
        assert program.get_token("-l", "msi").status["token"]
        assert sim.requests.count(service="imds") == 1

    def test_user_assigned_identities_by_either_id(self, program: Program, sim: Simulator) -> None:
        one = sim.add_managed_identity(sim.tenant, client_id="11111111-0000-0000-0000-000000000001")
        path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/x/two"
        two = sim.add_managed_identity(sim.tenant, resource_id=path)
        by_client = program.get_token("-l", "msi", "--client-id", one.client_id)
        by_resource = program.get_token("-l", "msi", "--identity-resource-id", path)
        assert claims(by_client.status["token"])["oid"] == one.object_id
        assert claims(by_resource.status["token"])["oid"] == two.object_id

    @pytest.mark.usefixtures("machine")
    def test_imds_is_never_asked_through_a_proxy(self, program: Program) -> None:
        proxy = "http://127.0.0.1:9"
        assert program.get_token("-l", "msi", HTTP_PROXY=proxy, http_proxy=proxy).status

    @pytest.mark.usefixtures("machine")
    def test_a_throttled_imds_is_asked_again(self, program: Program, sim: Simulator) -> None:
        sim.faults.add(Fault(service="imds", status=429, times=1))
        sim.faults.add(Fault(service="imds", status=404, times=1))
        assert program.get_token("-l", "msi").status
        assert sim.requests.count(service="imds") == 3

    def test_workload_identity(
        self, program: Program, assertion: tuple[Path, tuple[str, ...]]
    ) -> None:
        assert program.get_token(*assertion[1]).status["token"]

    def test_workload_identity_from_the_variables_of_a_pod(
        self, program: Program, sim: Simulator, assertion: tuple[Path, tuple[str, ...]]
    ) -> None:
        file, flags = assertion
        client = flags[flags.index("--client-id") + 1]
        ran = program(
            *("get-token", "-l", "workloadidentity", "--server-id", sim.cluster.server_id),
            AZURE_AUTHORITY_HOST=sim.authority,
            AZURE_TENANT_ID=sim.tenant.id,
            AZURE_CLIENT_ID=client,
            AZURE_FEDERATED_TOKEN_FILE=str(file),
        )
        assert claims(ran.status["token"])["appid"] == client

    def test_an_authority_needs_no_slash_at_its_end(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        ran = program(
            *("get-token", "--server-id", sim.cluster.server_id, "--disable-instance-discovery"),
            *("--authority-host", sim.authority.rstrip("/"), *spn),
        )
        assert ran.status["token"]

    def test_legacy_asks_for_the_prefixed_audience(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*spn, "--legacy")
        assert claims(ran.status["token"])["aud"] == f"spn:{sim.cluster.server_id}"
        plain = program.get_token(*spn, "--legacy=false")
        assert claims(plain.status["token"])["aud"] == sim.cluster.server_id

    @pytest.mark.parametrize("trust", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "--ca-file"])
    def test_each_way_to_trust_a_certificate(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], trust: str
    ) -> None:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            del program.environ[name]
        if trust.startswith("--"):
            assert program.get_token(*spn, trust, str(sim.ca_file)).status["token"]
        else:
            assert program.get_token(*spn, **{trust: str(sim.ca_file)}).status["token"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
    def test_a_certificate_as_powershell_writes_it(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], tmp_path: Path, encoding: str
    ) -> None:
        file = tmp_path / "ca.pem"
        file.write_bytes(sim.ca_file.read_text().replace("\n", "\r\n").encode(encoding))
        assert program.get_token(*spn, "--ca-file", str(file)).status["token"]


class TestExecCredential:
    @pytest.mark.parametrize("version", ["v1", "v1beta1"])
    def test_answers_in_the_version_that_was_asked_for(
        self, program: Program, spn: tuple[str, ...], version: str
    ) -> None:
        name = f"client.authentication.k8s.io/{version}"
        info = {"kind": "ExecCredential", "apiVersion": name, "spec": {"interactive": False}}
        ran = program.get_token(*spn, KUBERNETES_EXEC_INFO=json.dumps(info) + "\n")
        assert json.loads(ran.stdout)["apiVersion"] == name

    @pytest.mark.parametrize("info", [None, "", '{"kind":"ExecCredential","spec":{}}'])
    def test_answers_in_v1beta1_where_nothing_is_asked(
        self, program: Program, spn: tuple[str, ...], info: str | None
    ) -> None:
        ran = program.get_token(*spn, **({} if info is None else {"KUBERNETES_EXEC_INFO": info}))
        answer = json.loads(ran.stdout)
        assert answer["apiVersion"] == "client.authentication.k8s.io/v1beta1"
        assert answer["kind"] == "ExecCredential"

    @pytest.mark.parametrize(
        "info",
        [
            "not json",
            "[]",
            '{"kind":"Pod","apiVersion":"v1"}',
            '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1"}',
        ],
    )
    def test_refuses_what_it_cannot_answer_before_anybody_signs_in(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], info: str
    ) -> None:
        assert "KUBERNETES_EXEC_INFO" in program.get_token(*spn, KUBERNETES_EXEC_INFO=info).error
        assert len(sim.requests) == 0

    def test_takes_any_configuration_of_a_cluster(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        cluster = {"server": "https://x", "config": {"nested": [1, {"a": None}]}}
        info = {
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1",
            "spec": {"cluster": cluster, "interactive": False},
        }
        assert program.get_token(*spn, KUBERNETES_EXEC_INFO=json.dumps(info)).status["token"]

    def test_tells_an_expiry_some_minutes_before_the_real_one(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        status = program.get_token(*spn).status
        told = time.mktime(time.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
        real = claims(status["token"])["exp"]
        assert isinstance(real, int)
        assert 295 <= real - (told - time.timezone) <= 305

    def test_never_tells_an_expiry_in_the_past_of_a_live_token(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.token_lifetime = 90
        status = program.get_token(*spn).status
        told = time.mktime(time.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
        assert told - time.timezone > time.time()

    def test_is_one_line(self, program: Program, spn: tuple[str, ...]) -> None:
        ran = program.get_token(*spn)
        assert ran.stdout.count("\n") == 1 and ran.stdout.endswith("}\n")

    def test_nothing_a_child_prints_reaches_stdout(self, program: Program, tmp_path: Path) -> None:
        code = "import sys; print('noise', file=sys.stderr); print('no JSON at all')\n"
        install_program(tmp_path, "az", code)
        path = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
        ran = program.get_token("-l", "azurecli", PATH=path)
        assert "could not be read" in ran.error

    def test_a_reader_that_is_gone_is_no_crash(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with subprocess.Popen(
            [str(KUBEAUTH), "get-token", *program.always, *spn],
            env=program.environ,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.close(writing)
            _, stderr = process.communicate(timeout=30)
        assert "Traceback" not in stderr and process.returncode != 0


class TestRoundTrips:
    def test_a_kept_token_costs_no_request(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        first = program.get_token(*spn).status
        sim.requests.clear()
        assert program.get_token(*spn).status == first
        assert len(sim.requests) == 0

    def test_force_refresh_asks_again(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        program.get_token(*spn)
        program.get_token(*spn, "--force-refresh")
        assert asked(sim) == 2

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(service="entra", path=TOKEN, status=503, times=2),
            Fault(service="entra", path=TOKEN, status=429, headers={"Retry-After": "1"}, times=1),
            Fault(service="entra", path=TOKEN, reset=True, times=1),
        ],
        ids=["503", "429", "reset"],
    )
    def test_a_passing_fault_is_survived(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], fault: Fault
    ) -> None:
        sim.faults.add(fault)
        assert program.get_token(*spn).status["token"]

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (Fault(service="entra", path=TOKEN, status=503, times=None), "HTTP 503"),
            (
                Fault(
                    service="entra",
                    path=TOKEN,
                    status=429,
                    headers={"Retry-After": "3600"},
                    times=None,
                ),
                "HTTP 429",
            ),
            (Fault(service="entra", path=TOKEN, reset=True, times=None), "cannot be reached"),
            (Fault(service="entra", path=TOKEN, hang=30, times=None), "no answer in time"),
            (Fault(service="entra", path=TOKEN, body=b"<html>", times=None), "HTTP 200"),
        ],
        ids=["503", "429", "reset", "hang", "garbage"],
    )
    def test_a_lasting_fault_is_reported_soon(
        self, program: Program, sim: Simulator, spn: tuple[str, ...], fault: Fault, said: str
    ) -> None:
        sim.faults.add(fault)
        ran = program.get_token(*spn, "--timeout", "4s", limit=25)
        assert said in ran.error
        assert ran.code == (12 if "429" in said else 7)

    def test_each_answer_has_a_limit_of_its_own(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.faults.add(Fault(service="entra", path=TOKEN, hang=30, times=1))
        begun = time.monotonic()
        assert program.get_token(*spn, "--read-timeout", "1s", "--connect-timeout", "5").status
        assert time.monotonic() - begun < 20


class TestRefusals:
    def test_a_wrong_secret(self, program: Program, spn: tuple[str, ...]) -> None:
        ran = program.get_token(*spn[:-1], "not-the-secret")
        assert "AADSTS7000215" in ran.error and ran.code == 4
        assert "not-the-secret" not in ran.stderr

    def test_a_wrong_secret_is_not_covered_by_a_kept_token(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        assert program.get_token(*spn).status
        assert "AADSTS7000215" in program.get_token(*spn[:-1], "not-the-secret").error

    def test_an_unknown_tenant(self, program: Program, app: Application) -> None:
        ran = program.get_token(
            *("-l", "spn", "-t", "nowhere.example", "--client-id", app.client_id),
            *("--client-secret", app.secret),
        )
        assert "AADSTS90002" in ran.error and "--tenant-id" in ran.stderr

    def test_an_unknown_api_server(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*spn, "--server-id", "99999999-0000-0000-0000-000000000000")
        assert "AADSTS500011" in ran.error

    def test_an_expired_federated_token_is_named_before_anything_is_sent(
        self, program: Program, sim: Simulator, assertion: tuple[Path, tuple[str, ...]]
    ) -> None:
        file, flags = assertion
        issuer = sim.add_issuer()
        file.write_text(issuer.mint(subject="x", audience="y", expires_in=-600))
        ran = program.get_token(*flags)
        assert "expired 10 minutes ago" in ran.error and str(file) in ran.error
        assert len(sim.requests) == 0

    @pytest.mark.parametrize(
        ("subject", "audience", "code"),
        [
            ("system:serviceaccount:shop:other", "api://AzureADTokenExchange", "AADSTS700213"),
            ("system:serviceaccount:shop:api", "https://kubernetes.default.svc", "AADSTS700212"),
        ],
    )
    def test_an_assertion_that_nothing_matches_is_shown(
        self,
        program: Program,
        sim: Simulator,
        tmp_path: Path,
        subject: str,
        audience: str,
        code: str,
    ) -> None:
        issuer = sim.add_issuer()
        workload = sim.tenant.add_application("workload")
        workload.add_federated_credential(
            issuer=issuer.url, subject="system:serviceaccount:shop:api"
        )
        file = tmp_path / "token"
        file.write_text(issuer.mint(subject=subject, audience=audience))
        ran = program.get_token(
            *("-l", "workloadidentity", "-t", sim.tenant.id),
            *("--client-id", workload.client_id, "--federated-token-file", str(file)),
        )
        assert code in ran.error
        for part in (f"iss: {issuer.url}", f"sub: {subject}", f"aud: {audience}"):
            assert part in ran.error

    def test_a_missing_federated_token(self, program: Program, sim: Simulator) -> None:
        ran = program.get_token(
            *("-l", "workloadidentity", "-t", sim.tenant.id, "--client-id", "x"),
            *("--federated-token-file", "/nonexistent/token"),
        )
        assert "/nonexistent/token (No such file or directory)" in ran.error

    def test_an_identity_the_machine_does_not_have(self, program: Program) -> None:
        ran = program.get_token("-l", "msi", "--client-id", "99999999-0000-0000-0000-000000000000")
        assert "Identity not found" in ran.error and "assign the identity" in ran.stderr

    def test_no_metadata_service(self, program: Program) -> None:
        nowhere = "http://127.0.0.1:9"
        ran = program.get_token("-l", "msi", AZURE_POD_IDENTITY_AUTHORITY_HOST=nowhere)
        assert "Connection refused" in ran.error and "Azure machines only" in ran.stderr

    def test_no_network(self, program: Program, spn: tuple[str, ...]) -> None:
        ran = program.get_token(*spn, "--authority-host", "https://localhost:9/")
        assert "Connection refused" in ran.error and ran.code == 7

    @not_in_wine
    def test_a_certificate_nobody_trusts(self, program: Program, spn: tuple[str, ...]) -> None:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            del program.environ[name]
        ran = program.get_token(*spn)
        assert "certificate" in ran.error and "--ca-file" in ran.stderr

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (("--environment", "AzureMoonCloud"), "AzureMoonCloud"),
            (("--login", "telepathy"), "telepathy"),
            (("--authority-host", "http://plain.example/"), "http://plain.example/"),
            (("--tenant-id", "not/a/tenant"), "not/a/tenant"),
            (("--timeout", "soon"), "soon"),
            (("--pop-enabled",), "--pop-claims is required"),
            (("--ca-file", "/nonexistent/ca.pem"), "/nonexistent/ca.pem"),
            (("--no-such-flag",), "--no-such-flag"),
        ],
    )
    def test_a_value_that_makes_no_sense(
        self, program: Program, spn: tuple[str, ...], flags: tuple[str, ...], said: str
    ) -> None:
        always = [
            a for a in program.always if flags[0] != "--environment" or a != "--authority-host"
        ]
        if flags[0] == "--environment":
            always = list(program.always[:2])
        ran = program("get-token", *always, *spn, *flags)
        assert said in ran.error and ran.code == 2

    def test_no_server_id(self, program: Program, spn: tuple[str, ...]) -> None:
        assert "--server-id is required" in program("get-token", *spn).error

    @pytest.mark.parametrize("missing", ["--tenant-id", "--client-id", "--client-secret"])
    def test_every_missing_value_is_named(
        self, program: Program, spn: tuple[str, ...], missing: str
    ) -> None:
        place = spn.index(missing)
        ran = program.get_token(*spn[:place], *spn[place + 2 :])
        assert f"{missing} is required" in ran.error

    def test_a_stray_argument_is_not_repeated(self, program: Program, spn: tuple[str, ...]) -> None:
        ran = program.get_token(*spn, "s3cr3t-after-a-blank")
        assert "does not belong to a flag" in ran.error and "s3cr3t" not in ran.stderr

    @not_on_windows("a program there cannot send Ctrl-C to one other")
    def test_ctrl_c_is_one_error_and_one_hint(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.faults.add(Fault(service="entra", hang=30, times=None))
        with subprocess.Popen(
            [str(KUBEAUTH), "get-token", *program.always, *spn],
            env=program.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            time.sleep(1.0)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=10)
        assert process.returncode == 130 and stdout == ""
        assert stderr.startswith("error: interrupted\nhint: ")
        assert time.monotonic() - begun < 2


class TestWhereAValueCameFrom:
    """A hint that names a flag says so where a variable overrides that flag."""

    def test_the_login(self, program: Program) -> None:
        ran = program.get_token("-l", "spn", AAD_LOGIN_METHOD="foo")
        assert "give AAD_LOGIN_METHOD as one of" in ran.stderr

    @pytest.mark.parametrize(
        ("variable", "value", "flag"),
        [
            ("AZURE_CLIENT_CERTIFICATE_PATH", "/stray.pem", "--client-certificate"),
            ("AZURE_CLIENT_ID", "99999999-0000-0000-0000-000000000000", "--client-id"),
            ("AZURE_TENANT_ID", "stray.example", "--tenant-id"),
        ],
    )
    def test_a_stray_variable(
        self, program: Program, spn: tuple[str, ...], variable: str, value: str, flag: str
    ) -> None:
        ran = program.get_token(*spn, **{variable: value})
        assert ran.code in (2, 4) and f"{variable} sets {flag} here" in ran.stderr

    def test_a_flag_is_not_blamed_on_a_variable(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*spn, "--tenant-id", "stray.example")
        assert ran.code == 4 and " sets " not in ran.stderr

    def test_a_wrong_secret(
        self, program: Program, sim: Simulator, app: Application, tmp_path: Path
    ) -> None:
        named = ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)
        file = tmp_path / "secret"
        file.write_text("wr0ng")
        ways: tuple[tuple[tuple[str, ...], dict[str, str], str], ...] = (
            (("--client-secret", "wr0ng"), {}, "check --client-secret"),
            ((), {"AZURE_CLIENT_SECRET": "wr0ng"}, "check AZURE_CLIENT_SECRET"),
            (("--client-secret-file", str(file)), {}, f"check the file {file}"),
            (("--client-secret-env", "MINE"), {"MINE": "wr0ng"}, "check the variable MINE"),
        )
        for flags, environ, hint in ways:
            ran = program.get_token(*named, *flags, **environ)
            assert hint in ran.stderr and "wr0ng" not in ran.stderr, ran


class TestValues:
    @not_on_windows("arguments there are text")
    @pytest.mark.parametrize("flag", ["--client-id", "--client-secret", "--server-id"])
    def test_bytes_that_are_no_text(
        self, program: Program, spn: tuple[str, ...], flag: str, sim: Simulator
    ) -> None:
        ran = program.get_token(*spn, flag, os.fsdecode(b"x\xff"))
        assert (
            ran.code == 2 and f"{flag}: the value holds a character that is not UTF-8" in ran.error
        )
        assert not len(sim.requests)

    @pytest.mark.parametrize("server", ["/", " ", "a b", "/.default"])
    def test_no_api_server(self, program: Program, spn: tuple[str, ...], server: str) -> None:
        ran = program.get_token(*spn, "--server-id", server)
        assert ran.code == 2 and "server-id" in ran.error

    def test_a_line_end_in_a_variable(
        self, program: Program, sim: Simulator, app: Application
    ) -> None:
        named = ("-l", "spn", "--tenant-id", sim.tenant.id)
        environ = {"AZURE_CLIENT_ID": app.client_id, "AZURE_CLIENT_SECRET": app.secret}
        ended = {name: f"{value}\n" for name, value in environ.items()}
        assert program.get_token(*named, **ended).status["token"]

    def test_a_variable_of_nothing_but_a_line_end(
        self, program: Program, spn: tuple[str, ...]
    ) -> None:
        assert program.get_token(*spn, AZURE_CLIENT_ID="\n").status["token"]

    def test_a_prefix_is_not_put_before_a_prefix(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        server = f"spn:{sim.cluster.server_id}"
        assert program.get_token(*spn, "--legacy", "--server-id", server).status["token"]
        assert sim.requests[-1].form["scope"] == f"{server}/.default"

    @pytest.mark.parametrize("words", [("-v=5",), ("-v5",), ("-v", "5"), ("--v=5",)])
    def test_verbosity_as_go_writes_it(
        self, program: Program, spn: tuple[str, ...], words: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*spn, *words)
        assert ran.status["token"] and "HTTP 200" in ran.stderr

    def test_no_line_is_endless(self, program: Program, spn: tuple[str, ...]) -> None:
        ran = program.get_token(*spn, "--client-id", "x" * 50_000)
        assert len(ran.error) < 3000


class TestVariables:
    def test_variables_override_flags_of_a_machine(
        self, program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]
    ) -> None:
        other = sim.tenant.add_application("other")
        ran = program.get_token(
            *spn, AZURE_CLIENT_ID=other.client_id, AZURE_CLIENT_SECRET=other.secret
        )
        assert claims(ran.status["token"])["appid"] == other.client_id

    def test_an_empty_variable_counts_as_unset(
        self, program: Program, app: Application, spn: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*spn, AZURE_CLIENT_ID="", AAD_LOGIN_METHOD="")
        assert claims(ran.status["token"])["appid"] == app.client_id

    @pytest.mark.usefixtures("machine")
    def test_the_login_can_be_chosen_by_variable(self, program: Program) -> None:
        assert program.get_token("--login", "devicecode", AAD_LOGIN_METHOD="msi").status["token"]

    def test_overriding_can_be_switched_off(
        self, program: Program, app: Application, spn: tuple[str, ...]
    ) -> None:
        ran = program.get_token(
            *spn,
            "--disable-environment-override",
            AZURE_CLIENT_ID="99999999-0000-0000-0000-000000000000",
            AAD_LOGIN_METHOD="msi",
        )
        assert claims(ran.status["token"])["appid"] == app.client_id

    def test_the_variables_of_terraform(
        self, program: Program, sim: Simulator, app: Application
    ) -> None:
        ran = program.get_token(
            *("-l", "spn", "--use-azurerm-env-vars"),
            ARM_CLIENT_ID=app.client_id,
            ARM_CLIENT_SECRET=app.secret,
            ARM_TENANT_ID=sim.tenant.id,
            AZURE_CLIENT_ID="99999999-0000-0000-0000-000000000000",
        )
        assert claims(ran.status["token"])["appid"] == app.client_id


class TestSecrets:
    def test_nothing_secret_is_said_at_any_verbosity(
        self, program: Program, app: Application, spn: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*spn, "-v", "9")
        assert ran.stderr.strip(), "-v says something"
        assert app.secret not in ran.stderr
        assert ran.status["token"] not in ran.stderr

    def test_what_is_kept_is_private_and_holds_no_secret(
        self, program: Program, app: Application, spn: tuple[str, ...]
    ) -> None:
        program.get_token(*spn)
        files = list(program.cache.iterdir())
        assert files
        assert WINDOWS or stat.S_IMODE(program.cache.stat().st_mode) == 0o700
        for file in files:
            assert WINDOWS or stat.S_IMODE(file.stat().st_mode) == 0o600
            assert app.secret not in file.read_text()


class _Discovery(BaseHTTPRequestHandler):
    """An authority that publishes a document of its own, and signs in anybody."""

    document: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(self.document)

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"token_type": "Bearer", "expires_in": 3600, "access_token": "a.b.c"})

    def _answer(self, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class TestDiscovery:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Iterator[tuple[str, str]]:
        """Return address and certificate of the authority."""
        from kubeauth.testing.wire.tls import CertificateAuthority, server_context

        ca = CertificateAuthority()
        key, ca_file = tmp_path / "key.pem", tmp_path / "ca.pem"
        key.write_bytes(ca.server_pem())
        ca_file.write_bytes(ca.pem)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Discovery)
        server.socket = server_context(key).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _Discovery.asked.clear()
        yield f"https://localhost:{server.server_port}/", str(ca_file)
        server.shutdown()
        server.server_close()

    def sign_in(self, program: Program, authority: tuple[str, str]) -> None:
        host, ca_file = authority
        ran = program(
            *("get-token", "-l", "spn", "--server-id", "s", "-t", "t", "--client-id", "c"),
            *("--client-secret", "x", "--disable-instance-discovery"),
            *("--authority-host", host, "--ca-file", ca_file),
        )
        assert ran.status["token"] == "a.b.c"

    def test_an_authority_may_have_its_endpoints_elsewhere(
        self, program: Program, authority: tuple[str, str]
    ) -> None:
        _Discovery.document = {"token_endpoint": f"{authority[0]}adfs/oauth2/token"}
        self.sign_in(program, authority)
        assert _Discovery.asked == ["/adfs/oauth2/token"]

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"token_endpoint": "https://attacker.example/token"},
            {"token_endpoint": "http://localhost/"},
        ],
        ids=["nothing", "another host", "no tls"],
    )
    def test_but_not_at_another_host(
        self, program: Program, authority: tuple[str, str], document: dict[str, str]
    ) -> None:
        _Discovery.document = document
        self.sign_in(program, authority)
        assert _Discovery.asked == ["/t/oauth2/v2.0/token"]
