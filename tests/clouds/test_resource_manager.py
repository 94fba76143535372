"""Where Resource Manager is in each cloud, and for which audience its tokens are."""

from __future__ import annotations

from pathlib import Path

import pytest
from clouds.wire import CLIENT, SERVER, TENANT, Wire

from kubeauth import Settings
from kubeauth.resource_manager.connect import resource_manager_for

# As the documentation of the national clouds and the Azure SDKs have them.
CLOUDS = {
    "AzurePublicCloud": ("management.azure.com", "management.azure.com"),
    "AzureUSGovernmentCloud": (
        "management.usgovcloudapi.net",
        "management.core.usgovcloudapi.net",
    ),
    "AzureChinaCloud": ("management.chinacloudapi.cn", "management.core.chinacloudapi.cn"),
}


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_request_and_its_token(tmp_path: Path, cloud: str, legacy: bool) -> None:
    host, audience = CLOUDS[cloud]
    wire = Wire(tmp_path)
    settings = Settings(
        login="spn",
        server_id=SERVER,
        legacy=legacy,
        environment=cloud,
        tenant_id=TENANT,
        client_id=CLIENT,
        client_secret="secret",
        cache_storage="none",
    )
    with wire.listening():
        manager = resource_manager_for(settings, wire.system())
        manager.get("/subscriptions", "2022-12-01", what="the subscriptions")
    token, request = wire.sent
    assert token.form["scope"] == f"https://{audience}/.default"
    assert request.url == f"https://{host}/subscriptions?api-version=2022-12-01"
