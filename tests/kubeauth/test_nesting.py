"""JSON that is nested without end: an error of ours, or absent, in every place that reads some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubeauth import KubeauthError, Settings, SettingsError, System, from_settings
from kubeauth.adapters.programs import Completed
from kubeauth.clouds import find_cloud
from kubeauth.providers._entra.client import EntraClient

DEEP = ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000]
SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"


@pytest.mark.parametrize("text", DEEP)
def test_the_description_of_a_cloud(text: str, tmp_path: Path) -> None:
    file = tmp_path / "cloud.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match="does not describe"):
        find_cloud("AzureStackCloud", {"AZURE_ENVIRONMENT_FILEPATH": str(file)})


@pytest.mark.parametrize("text", DEEP)
@pytest.mark.parametrize("login", ["azd", "azurecli"])
@pytest.mark.parametrize("code", [0, 1])
def test_what_a_program_prints(text: str, login: str, code: int, tmp_path: Path) -> None:
    for name in ("az", "azd"):
        (tmp_path / name).touch(mode=0o755)
    system = System(
        environ={"HOME": str(tmp_path), "PATH": str(tmp_path)},
        run_program=lambda *_, **__: Completed(code, text, text),
    )
    with pytest.raises(KubeauthError):
        from_settings(Settings(login=login, server_id=SERVER), system=system).get_token()


@pytest.mark.parametrize("text", [*DEEP, json.dumps({"Account": []}), "null", ""])
def test_a_kept_session(text: str) -> None:
    settings = Settings(login="devicecode", server_id=SERVER, tenant_id="t", client_id="c")
    client = EntraClient(settings, "https://login.microsoftonline.com/", System(environ={}))
    assert list(client.load_session(text).search("Account")) == []
