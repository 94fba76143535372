"""azure-identity signs in to the simulator as it does to Azure."""

from __future__ import annotations

import os
import subprocess
import sys

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzurePipelinesCredential,
    CertificateCredential,
    ClientSecretCredential,
    DeviceCodeCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def options(sim):
    return {
        "authority": sim.authority,
        "disable_instance_discovery": True,
        "connection_verify": str(sim.ca_file),
        "retry_total": 0,
    }


def test_client_secret(sim, scope, options):
    app = sim.tenant.add_application("ci")
    with ClientSecretCredential(sim.tenant.id, app.client_id, app.secret, **options) as credential:
        claims = claims_of(credential.get_token(scope).token)
    assert claims["aud"] == sim.cluster.server_id
    assert (claims["oid"], claims["appid"]) == (app.object_id, app.client_id)
    assert claims["idtyp"] == "app"


def test_wrong_client_secret(sim, scope, options):
    app = sim.tenant.add_application("ci")
    with (
        ClientSecretCredential(sim.tenant.id, app.client_id, "wrong", **options) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(scope)


def test_certificate(sim, scope, options):
    app = sim.tenant.add_application("ci")
    pem = app.new_certificate()
    with CertificateCredential(
        sim.tenant.id, app.client_id, certificate_data=pem, **options
    ) as credential:
        claims = claims_of(credential.get_token(scope).token)
    assert claims["appidacr"] == "2"


def test_unregistered_certificate(sim, scope, options):
    pem = sim.tenant.add_application("other").new_certificate()
    app = sim.tenant.add_application("ci")
    with (
        CertificateCredential(
            sim.tenant.id, app.client_id, certificate_data=pem, **options
        ) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS700027"),
    ):
        credential.get_token(scope)


def test_workload_identity(sim, scope, options, tmp_path):
    app = sim.tenant.add_application("pod")
    issuer = sim.add_issuer()
    subject = "system:serviceaccount:ci:deployer"
    app.add_federated_credential(issuer=issuer.url, subject=subject)
    token_file = tmp_path / "azure-identity-token"
    token_file.write_text(issuer.mint(subject=subject))
    with WorkloadIdentityCredential(
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        token_file_path=str(token_file),
        **options,
    ) as credential:
        claims = claims_of(credential.get_token(scope).token)
    assert claims["oid"] == app.object_id


def test_azure_pipelines(sim, scope, options, monkeypatch):
    app = sim.tenant.add_application("pipeline")
    issuer = sim.add_issuer(url="https://vstoken.dev.azure.com/org")
    subject = "sc://org/project/connection"
    app.add_federated_credential(issuer=issuer.url, subject=subject)
    job = issuer.azure_pipelines(subject)
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", job["SYSTEM_OIDCREQUESTURI"])
    with AzurePipelinesCredential(
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        service_connection_id="connection",
        system_access_token=job["SYSTEM_ACCESSTOKEN"],
        **options,
    ) as credential:
        claims = claims_of(credential.get_token(scope).token)
    assert claims["oid"] == app.object_id


def test_device_code(sim, scope, options):
    sim.device_code_interval = 1
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example", groups=["ops"])

    def approve(uri, code, _expires):
        assert uri == f"{sim.authority}devicelogin"
        sim.approve(code, user)

    with DeviceCodeCredential(
        app.client_id, tenant_id=sim.tenant.id, prompt_callback=approve, **options
    ) as credential:
        claims = claims_of(credential.get_token(scope).token)
    assert (claims["upn"], claims["groups"]) == (user.upn, ["ops"])


@pytest.mark.parametrize("how", ["system", "client_id", "object_id", "resource_id"])
def test_managed_identity(sim, monkeypatch, how):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sim.imds_url)
    machine = sim.add_managed_identity(system_assigned=True)
    assigned = sim.add_managed_identity()
    wanted = machine if how == "system" else assigned
    named = {
        "system": {},
        "client_id": {"client_id": assigned.client_id},
        "object_id": {"identity_config": {"object_id": assigned.object_id}},
        "resource_id": {"identity_config": {"resource_id": assigned.resource_id}},
    }[how]
    with ManagedIdentityCredential(**named) as credential:
        token = credential.get_token(f"{sim.cluster.server_id}/.default")
    assert claims_of(token.token)["oid"] == wanted.object_id
    assert sim.requests.count(service="imds") >= 1


@pytest.mark.process
@pytest.mark.parametrize("cancel", [False, True])
def test_interactive_browser(sim, scope, options, cancel):
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example", password="right")
    # In a process of its own, since Python reads BROWSER once.
    code = (
        "import sys; from azure.identity import InteractiveBrowserCredential as C\n"
        "c = C(tenant_id=sys.argv[1], client_id=sys.argv[2], authority=sys.argv[3],\n"
        "      disable_instance_discovery=True, timeout=20)\n"
        "print(c.get_token(sys.argv[4]).token)\n"
    )
    arguments = [sim.tenant.id, app.client_id, sim.authority, scope]
    browser = sim.browser_command(user, cancel=cancel)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **sim.environ(), "BROWSER": browser},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if cancel:
        assert "access_denied" in done.stderr or "declined" in done.stderr, done.stderr
    else:
        assert claims_of(done.stdout.split()[-1])["upn"] == user.upn, done.stderr
