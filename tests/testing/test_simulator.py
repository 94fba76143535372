"""The simulator's public door."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit
from urllib.request import urlopen

import jwt
import pytest
import yaml

import kubeauth.testing
from kubeauth.testing import AKS_CLIENT_ID, AKS_SERVER_ID, Fault, Simulator


@pytest.mark.process
@pytest.mark.imports
def test_import_is_cheap():
    code = (
        "import sys, kubeauth.testing\n"
        "heavy = {'jwt', 'cryptography', 'http.server', 'ssl', 'dataclasses', 'json'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_public_names():
    for name in kubeauth.testing.__all__:
        assert getattr(kubeauth.testing, name) is not None
    assert sorted(kubeauth.testing.__all__) == dir(kubeauth.testing)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = kubeauth.testing.nonsense


@pytest.mark.process
@pytest.mark.imports
def test_stands_alone():
    code = (
        "import sys\nfrom kubeauth.testing import Simulator\n"
        "Simulator().close()\n"
        "others = [m for m in sys.modules if m.startswith('kubeauth')]\n"
        "others = [m for m in others if m != 'kubeauth' and 'kubeauth.testing' not in m]\n"
        "assert not others, others\n"
        "assert 'msal' not in sys.modules and 'requests' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_it_leaves_nothing_behind():
    sim = Simulator()
    folder, threads = sim.folder, threading.active_count()
    assert sim.ca_file.read_bytes() == sim.ca_pem
    ports = [urlsplit(url).port for url in (sim.authority, sim.imds_url, sim.cluster.server)]
    sim.close()
    sim.close()
    assert not folder.exists()
    assert threading.active_count() < threads
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)


def test_private_key_is_private(sim):
    assert (sim.folder / "server.pem").stat().st_mode & 0o777 == 0o600


def test_certificate_covers_both_names(sim, http):
    for base in (sim.authority, sim.authority.replace("localhost", "127.0.0.1")):
        assert http.get(f"{base}common/discovery/v2.0/keys", timeout=30).ok


def test_unknown_certificate_authority(sim):
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urlopen(f"{sim.authority}common/discovery/v2.0/keys", timeout=30)


def test_a_silent_client_keeps_nobody_out(sim, http):
    port = urlsplit(sim.authority).port
    with socket.create_connection(("127.0.0.1", port)):
        assert http.get(f"{sim.authority}common/discovery/v2.0/keys", timeout=30).ok


def test_metadata(sim, http):
    for segment in (sim.tenant.id, sim.tenant.name, sim.tenant.name.upper()):
        url = f"{sim.authority}{segment}/v2.0/.well-known/openid-configuration"
        document = http.get(url, timeout=30).json()
        assert document["token_endpoint"] == f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/token"
        assert document["issuer"] == f"{sim.authority}{sim.tenant.id}/v2.0"
    url = f"{sim.authority}organizations/v2.0/.well-known/openid-configuration"
    assert "{tenantid}" in http.get(url, timeout=30).json()["issuer"]
    url = f"{sim.authority}{sim.tenant.id}/.well-known/openid-configuration"
    document = http.get(url, timeout=30).json()
    assert document["issuer"] == f"https://sts.windows.net/{sim.tenant.id}/"
    keys = jwt.PyJWKSet.from_dict(http.get(document["jwks_uri"], timeout=30).json())
    token = sim.mint_token(sim.tenant.add_user("dana@contoso.example"))
    kid = jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(token, keys[kid], algorithms=["RS256"], audience=AKS_SERVER_ID)
    assert (claims["iss"], claims["ver"]) == (document["issuer"], "1.0")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nowhere/v2.0/.well-known/openid-configuration", 400),
        ("nowhere/discovery/v2.0/keys", 400),
        ("common/nothing", 404),
        ("common/oauth2/v2.0/token", 405),
    ],
)
def test_wrong_addresses(sim, http, path, status):
    assert http.get(sim.authority + path, timeout=30).status_code == status


def test_instance_discovery_and_user_realm(sim, http):
    query = {"authorization_endpoint": f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/authorize"}
    url = f"{sim.authority}common/discovery/instance"
    known = http.get(url, params=query, timeout=30).json()
    assert known["tenant_discovery_endpoint"].startswith(sim.authority + sim.tenant.id)
    query = {"authorization_endpoint": "https://elsewhere.example/common/oauth2/v2.0/authorize"}
    assert http.get(url, params=query, timeout=30).status_code == 400
    sim.tenant.add_user("dana@contoso.example")
    realm = http.get(f"{sim.authority}common/userrealm/dana@contoso.example", timeout=30).json()
    assert realm["account_type"] == "Managed"
    realm = http.get(f"{sim.authority}common/userrealm/eve@contoso.example", timeout=30).json()
    assert realm["account_type"] == "Unknown"


def test_log_has_names_but_no_secrets(sim, ask, scope):
    app = sim.tenant.add_application("ci", secrets=["s3cret-value"])
    ask(
        grant_type="client_credentials",
        client_id=app.client_id,
        client_secret="s3cret-value",
        scope=scope,
    )
    record = sim.requests[0]
    assert (record.service, record.method, record.status) == ("entra", "POST", 200)
    assert (record.grant_type, record.client_id) == ("client_credentials", app.client_id)
    assert record.form["scope"] == scope
    assert record.form["client_secret"] == "(redacted)"
    assert "s3cret-value" not in repr(record) + repr(sim.requests) + repr(app)
    assert sim.requests.count(service="entra", grant_type="client_credentials") == 1
    assert sim.requests.count(service="entra", path="devicecode") == 0
    assert sim.requests.count(method="GET") == 0
    sim.requests.clear()
    assert list(sim.requests) == []


def test_log_hides_bearers(sim, http):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    http.get(f"{sim.cluster.server}/version", headers={"Authorization": f"Bearer {token}"})
    assert token not in repr(sim.requests[0])
    assert sim.requests[0].headers["authorization"] == "Bearer (redacted)"


def test_reset(sim, ask, scope):
    app = sim.tenant.add_application("cli", public=True)
    ask("oauth2/v2.0/devicecode", client_id=app.client_id, scope=scope)
    sim.faults.add(Fault(status=503))
    sim.fail_next(50076)
    sim.token_lifetime, sim.refresh_in, sim.device_code_interval = 60, 30, 1
    sim.cluster.legacy = sim.tenant.block_device_code = True
    sim.advance(99)
    sim.reset()
    assert (len(sim.requests), len(sim.faults), sim.pending_device_codes()) == (0, 0, [])
    assert (sim.token_lifetime, sim.refresh_in, sim.device_code_interval) == (3600, None, 5)
    assert not sim.cluster.legacy
    assert not sim.tenant.block_device_code
    assert sim.tenant.application(app.client_id) is app


def test_tenants_are_apart(sim, ask, scope):
    other = sim.add_tenant("fabrikam.example")
    app = sim.tenant.add_application("ci")
    fields = {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.secret,
        "scope": scope,
    }
    assert ask(tenant=other.id, **fields).json()["error_codes"] == [700016]
    assert ask(tenant="organizations", **fields).json()["error_codes"] == [50059]


def test_device_login_page(sim, ask, scope):
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example", password="right")

    def start():
        answer = ask("oauth2/v2.0/devicecode", client_id=app.client_id, scope=scope).json()
        return f"{answer['verification_uri']}?otc={answer['user_code']}"

    address = start()
    assert "AADSTS50126" in sim.browser.sign_in(address, user.upn, "wrong")
    assert "You have signed in" in sim.browser.sign_in(address, user.upn, "right")
    assert sim.pending_device_codes() == []
    assert "That code didn" in sim.browser.sign_in(address, user.upn, "right")
    address = start()
    assert "declined" in sim.browser.sign_in(address, user.upn, cancel=True)


def test_device_code_page(sim, ask, scope):
    sim.device_code_page = "https://login.microsoft.com/device"
    fields = {"client_id": "80faf920-1908-4b52-b5ef-a8e7bedfc67a", "scope": scope}
    answer = ask("oauth2/v2.0/devicecode", **fields).json()
    assert answer["verification_uri"] == sim.device_code_page
    assert sim.device_code_page in answer["message"]
    sim.reset()
    assert (
        ask("oauth2/v2.0/devicecode", **fields).json()["verification_uri"].startswith(sim.authority)
    )


def test_github_actions_job(sim, http):
    job = sim.add_issuer().github_actions("repo:octo/app:ref:refs/heads/main")
    url = job["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=api://AzureADTokenExchange"
    headers = {"Authorization": f"bearer {job['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    token = http.get(url, headers=headers, timeout=30).json()["value"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == (
        "repo:octo/app:ref:refs/heads/main",
        "api://AzureADTokenExchange",
    )
    assert http.get(url, timeout=30).status_code == 401
    assert sim.requests[-1].service == "issuer"


def test_environ(sim):
    assert sim.environ() == {
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": sim.imds_url,
        "REQUESTS_CA_BUNDLE": str(sim.ca_file),
        "SSL_CERT_FILE": str(sim.ca_file),
    }


def test_exec_kubeconfig(sim):
    config = yaml.safe_load(sim.kubeconfig("exec", context="prod"))
    assert config["current-context"] == "prod"
    run = config["users"][0]["user"]["exec"]
    assert run["command"] == "kubelogin"
    assert run["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert run["args"] == [
        *("get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER_ID),
        *("--client-id", AKS_CLIENT_ID, "--tenant-id", sim.tenant.id, "--login", "devicecode"),
    ]
    assert (run["env"], run["provideClusterInfo"]) == (None, False)
    assert sim.tenant.application(AKS_CLIENT_ID).public


def test_azure_kubeconfig(sim):
    user = yaml.safe_load(sim.kubeconfig("azure"))["users"][0]
    assert user["name"] == "clusterUser_rg_simulated"
    assert user["user"]["auth-provider"] == {
        "name": "azure",
        "config": {
            "apiserver-id": AKS_SERVER_ID,
            "client-id": AKS_CLIENT_ID,
            "config-mode": "1",
            "environment": "AzurePublicCloud",
            "tenant-id": sim.tenant.id,
        },
    }
    with pytest.raises(ValueError, match="style"):
        sim.kubeconfig("other")


@pytest.mark.process
def test_python_dash_m():
    with subprocess.Popen(
        [sys.executable, "-m", "kubeauth.testing"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"]},
    ) as child:
        lines = []
        while not (lines and lines[-1].startswith("# API server")):
            lines.append(child.stdout.readline())
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=10)
    exported = dict(line[7:].strip().split("=", 1) for line in lines if line.startswith("export"))
    assert {"AZURE_CLIENT_SECRET", "KUBECONFIG", "SSL_CERT_FILE"} <= exported.keys()
    assert (child.returncode, errors) == (0, "")
