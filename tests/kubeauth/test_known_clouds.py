"""A cold token of a machine costs one request to a known cloud, and it is the right one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from kubeauth import ServicePrincipal, System, WorkloadIdentity


class Wire(requests.Session):
    """A session that sends nothing: it notes the question and answers as Entra ID would."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: Any, url: Any, *_: Any, **kw: Any) -> requests.Response:
        self.asked.append((str(method), str(url), dict(kw.get("data") or {})))
        response = requests.Response()
        response.status_code, response.url = 200, str(url)
        response.headers["Content-Type"] = "application/json"
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": "a.b.c"}
        response._content = json.dumps(answer).encode()
        return response


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def system(wire: Wire, tmp_path: Path) -> System:
    return System(environ={"HOME": str(tmp_path)}, open_session=lambda **_: wire)


CLOUDS = {
    "": "https://login.microsoftonline.com/",
    "AzureUSGovernmentCloud": "https://login.microsoftonline.us/",
    "azurechinacloud": "https://login.chinacloudapi.cn/",
}


@pytest.mark.parametrize("environment", CLOUDS)
def test_a_service_principal(wire: Wire, system: System, environment: str) -> None:
    provider = ServicePrincipal(
        server_id="server",
        tenant_id="Contoso.Example",
        client_id="client",
        client_secret="secret",
        environment=environment,
        system=system,
    )
    assert provider.get_token().token == "a.b.c"
    ((method, url, form),) = wire.asked
    assert (method, url) == (
        "POST",
        f"{CLOUDS[environment]}contoso.example/oauth2/v2.0/token",
    )
    assert form["grant_type"] == "client_credentials"
    assert (form["client_id"], form["client_secret"]) == ("client", "secret")
    assert form["scope"] == "server/.default"


def test_a_workload(wire: Wire, system: System, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("h.eyJpc3MiOiJpIn0.s")
    provider = WorkloadIdentity(
        server_id="server/",
        tenant_id="t",
        client_id="client",
        federated_token_file=str(file),
        system=system,
    )
    provider.get_token()
    ((method, url, form),) = wire.asked
    assert (method, url) == ("POST", "https://login.microsoftonline.com/t/oauth2/v2.0/token")
    assert form["client_assertion"] == "h.eyJpc3MiOiJpIn0.s"
    assert form["client_assertion_type"].endswith("jwt-bearer")


def test_the_next_one_costs_none(wire: Wire, system: System) -> None:
    for _ in range(2):
        ServicePrincipal(
            server_id="s", tenant_id="t", client_id="c", client_secret="x", system=system
        ).get_token()
    assert len(wire.asked) == 1


def test_a_trusted_authority_is_asked_where_its_endpoints_are(wire: Wire, system: System) -> None:
    ServicePrincipal(
        server_id="s",
        tenant_id="t",
        client_id="c",
        client_secret="x",
        authority_host="https://login.stack.example/",
        disable_instance_discovery=True,
        system=system,
    ).get_token()
    assert [(method, url) for method, url, _ in wire.asked] == [
        ("GET", "https://login.stack.example/t/v2.0/.well-known/openid-configuration"),
        ("POST", "https://login.stack.example/t/oauth2/v2.0/token"),
    ]
