"""``--login azurecli`` and ``azd`` with stand-ins, and ``msi`` where no IMDS is."""

from __future__ import annotations

import json
import stat
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import jwt
import pytest

from kubeauth.testing import Simulator

if TYPE_CHECKING:
    from harness import Program

HOUR = 3600


@pytest.fixture
def token(sim: Simulator) -> str:
    return sim.mint_token(sim.tenant.add_user("anna@contoso.example"))


class Tool:
    """A stand-in for ``az`` or ``azd`` that notes how it is called."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.calls = folder / "bin", folder / f"{name}-calls"
        self.folder.mkdir(exist_ok=True)
        self.file = self.folder / name

    def answers(self, stdout: str, stderr: str = "", code: int = 0, wait: float = 0) -> None:
        self.file.write_text(
            f"#!{sys.executable} -I\n"
            "import json, os, sys, time\n"
            f"open({str(self.calls)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            f"time.sleep({wait}); sys.stdout.write({stdout!r})\n"
            f"sys.stderr.write({stderr!r}); sys.exit({code})\n"
        )
        self.file.chmod(self.file.stat().st_mode | stat.S_IXUSR)

    @property
    def called(self) -> list[list[str]]:
        return [json.loads(line) for line in self.calls.read_text().splitlines()]


@pytest.fixture
def azd(tmp_path: Path, program: Program) -> Tool:
    tool = Tool(tmp_path, "azd")
    program.environ["PATH"] = f"{tool.folder}:{program.environ['PATH']}"
    return tool


@pytest.fixture
def az(tmp_path: Path, program: Program) -> Tool:
    tool = Tool(tmp_path, "az")
    program.environ["PATH"] = f"{tool.folder}:{program.environ['PATH']}"
    return tool


def in_an_hour(form: str = "%Y-%m-%dT%H:%M:%SZ") -> tuple[int, str]:
    moment = datetime.fromtimestamp(
        int(datetime.now(timezone.utc).timestamp()) + HOUR, timezone.utc
    )
    return int(moment.timestamp()), moment.strftime(form)


class TestAzureDeveloperCli:
    def test_asks_as_azure_identity_does(
        self, program: Program, sim: Simulator, azd: Tool, token: str
    ) -> None:
        azd.answers(json.dumps({"token": token, "expiresOn": in_an_hour()[1]}))
        ran = program.get_token("-l", "azd", "--tenant-id", sim.tenant.id)
        assert ran.status["token"] == token
        scope = f"{sim.cluster.server_id}/.default"
        assert azd.called == [
            [
                *("auth", "token", "--output", "json", "--no-prompt"),
                *("--scope", scope, "--tenant-id", sim.tenant.id),
            ]
        ]

    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "UTC"])
    @pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.1234567Z"])
    def test_reads_the_expiry_as_utc(
        self, program: Program, azd: Tool, token: str, zone: str, form: str
    ) -> None:
        epoch, text = in_an_hour(form)
        azd.answers(json.dumps({"token": token, "expiresOn": text}))
        status = program.get_token("-l", "azd", TZ=zone).status
        told = datetime.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")
        assert 290 <= epoch - told.replace(tzinfo=timezone.utc).timestamp() <= 310

    def test_a_kept_token_dies_when_somebody_else_signs_in(
        self, program: Program, azd: Tool, token: str
    ) -> None:
        folder = program.home / ".azd"
        folder.mkdir()
        azd.answers(json.dumps({"token": token, "expiresOn": in_an_hour()[1]}))
        for account in ("anna", "anna", "bert"):
            (folder / "auth.json").write_text(account)
            assert program.get_token("-l", "azd").status["token"]
        assert len(azd.called) == 2

    @pytest.mark.parametrize(
        "stderr",
        [
            '{"error":"not logged in","message":"x","suggestion":"y"}',
            '{"type":"consoleMessage","data":{"message":"\\nERROR: not logged in, run azd"}}',
            '{"type":"consoleMessage","data":{"message":""}}\n{"error":"not logged in"}',
            "ERROR: not logged in",
        ],
    )
    def test_says_what_failed_in_every_version(
        self, program: Program, azd: Tool, token: str, stderr: str
    ) -> None:
        azd.answers(token, stderr + "\n", 1)
        ran = program.get_token("-l", "azd")
        assert "not logged in" in ran.error and "azd auth login" in ran.stderr
        assert token not in ran.stderr and ran.code == 8

    @pytest.mark.parametrize("answer", ["", "[]", "{}", '{"token": null, "expiresOn": "x"}'])
    def test_an_answer_that_is_none(self, program: Program, azd: Tool, answer: str) -> None:
        azd.answers(answer)
        assert "could not be read" in program.get_token("-l", "azd").error

    def test_is_not_there(self, program: Program) -> None:
        ran = program.get_token("-l", "azd", PATH="/nonexistent")
        assert "`azd` is not on PATH" in ran.error

    def test_takes_too_long(self, program: Program, azd: Tool) -> None:
        azd.answers("", wait=60)
        ran = program.get_token("-l", "azd", "--timeout", "1", limit=20)
        assert "no answer after 1 s" in ran.error


class TestAzureCli:
    def test_asks_with_tenant_and_subscription(
        self, program: Program, sim: Simulator, az: Tool, token: str
    ) -> None:
        az.answers(json.dumps({"accessToken": token, "expires_on": in_an_hour()[0]}))
        more = ("--tenant-id", sim.tenant.id, "--subscription", "My subscription")
        assert program.get_token("-l", "azurecli", *more).status["token"] == token
        assert az.called == [
            [
                *("account", "get-access-token", "--output", "json"),
                *("--resource", sim.cluster.server_id, "--tenant", sim.tenant.id),
                *("--subscription", "My subscription"),
            ]
        ]

    @pytest.mark.parametrize("value", ["--debug", "a;b", "$(id)", "a&b"])
    def test_hands_on_nothing_that_a_shell_would_read(
        self, program: Program, az: Tool, value: str
    ) -> None:
        az.answers("{}")
        ran = program.get_token("-l", "azurecli", f"--subscription={value}")
        assert "cannot be handed to az" in ran.error and not az.calls.exists()

    def test_says_what_az_said(self, program: Program, az: Tool, token: str) -> None:
        az.answers("", f"WARNING: x\nERROR: Please run 'az login' {token}\n", 1)
        ran = program.get_token("-l", "azurecli", "--tenant-id", "contoso.example")
        assert "Please run 'az login'" in ran.error and token not in ran.stderr
        assert "az login --tenant contoso.example" in ran.stderr

    def test_a_null_token(self, program: Program, az: Tool) -> None:
        az.answers(json.dumps({"accessToken": None, "expires_on": in_an_hour()[0]}))
        assert "could not be read" in program.get_token("-l", "azurecli").error


class Endpoint:
    """Some Azure service's identity endpoint, which notes what it is asked."""

    def __init__(self, answer: tuple[int, Any]) -> None:
        seen = self.seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length).decode()
                seen.append((self.command, self.path, dict(self.headers), body))
                content = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, args=(0.02,)).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint(token: str) -> Iterator[Endpoint]:
    expires_on, _ = in_an_hour()
    answer = {"access_token": token, "expires_in": "3600", "expires_on": str(expires_on)}
    running = Endpoint((200, {**answer, "token_type": "Bearer"}))
    yield running
    running.close()


class TestManagedIdentity:
    def test_by_object_id(self, program: Program, sim: Simulator) -> None:
        identity = sim.add_managed_identity(sim.tenant)
        ran = program.get_token("-l", "msi", "--identity-object-id", identity.object_id)
        said = jwt.decode(ran.status["token"], options={"verify_signature": False})
        assert said["oid"] == identity.object_id

    def test_in_cloud_shell(
        self, program: Program, sim: Simulator, endpoint: Endpoint, token: str
    ) -> None:
        ran = program.get_token("-l", "msi", MSI_ENDPOINT=endpoint.url)
        assert ran.status["token"] == token
        method, _, headers, body = endpoint.seen[0]
        assert method == "POST" and headers["Metadata"] == "true"
        assert parse_qs(body) == {"resource": [sim.cluster.server_id]}

    def test_cloud_shell_has_one_identity_only(self, program: Program, endpoint: Endpoint) -> None:
        ran = program.get_token("-l", "msi", "--client-id", "x", MSI_ENDPOINT=endpoint.url)
        assert "Cloud Shell" in ran.error and not endpoint.seen

    def test_cloud_shell_refuses(self, program: Program) -> None:
        running = Endpoint((400, {"error": {"code": "AudienceNotSupported", "message": "x"}}))
        try:
            ran = program.get_token("-l", "msi", MSI_ENDPOINT=running.url)
        finally:
            running.close()
        assert "AudienceNotSupported" in ran.error and ran.code == 4

    def test_in_app_service(
        self, program: Program, sim: Simulator, endpoint: Endpoint, token: str
    ) -> None:
        ran = program.get_token(
            "-l", "msi", IDENTITY_ENDPOINT=endpoint.url, IDENTITY_HEADER="app-service-secret"
        )
        assert ran.status["token"] == token
        method, path, headers, _ = endpoint.seen[0]
        assert method == "GET" and "api-version=2019-08-01" in path
        assert headers["X-IDENTITY-HEADER"] == "app-service-secret"

    def test_in_azure_machine_learning(
        self, program: Program, endpoint: Endpoint, token: str
    ) -> None:
        ran = program.get_token("-l", "msi", MSI_ENDPOINT=endpoint.url, MSI_SECRET="ml-secret")
        assert ran.status["token"] == token
        method, path, headers, _ = endpoint.seen[0]
        assert method == "GET" and "api-version=2017-09-01" in path
        assert headers["secret"] == "ml-secret"

    def test_in_a_pod_with_workload_identity_it_stays_managed_identity(
        self, program: Program, sim: Simulator
    ) -> None:
        node = sim.add_managed_identity(sim.tenant)
        ran = program.get_token(
            *("-l", "msi", "--client-id", node.client_id),
            AZURE_AUTHORITY_HOST=sim.authority,
            AZURE_TENANT_ID=sim.tenant.id,
            AZURE_FEDERATED_TOKEN_FILE="/nonexistent",
        )
        said = jwt.decode(ran.status["token"], options={"verify_signature": False})
        assert said["oid"] == node.object_id
