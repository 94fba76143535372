"""The Azure clouds by name, and one described by a file."""

from __future__ import annotations

import json
import re

import pytest

from kubeauth.clouds import CHINA, KNOWN_AUTHORITY_HOSTS, PUBLIC, US_GOVERNMENT, find_cloud
from kubeauth.errors import SettingsError

STACK = {
    "name": "AzureStackCloud",
    "activeDirectoryEndpoint": "https://login.stack.example",
    "resourceManagerEndpoint": "https://management.stack.example/",
}


@pytest.mark.parametrize(
    ("name", "cloud"),
    [
        ("", PUBLIC),
        ("AzurePublicCloud", PUBLIC),
        ("AzureCloud", PUBLIC),
        ("azurepublic", PUBLIC),
        ("AZUREPUBLICCLOUD", PUBLIC),
        ("AzureUSGovernmentCloud", US_GOVERNMENT),
        ("AzureUSGovernment", US_GOVERNMENT),
        ("AzureChinaCloud", CHINA),
    ],
)
def test_names_in_any_case(name, cloud):
    assert find_cloud(name, {}) is cloud


@pytest.mark.parametrize("cloud", [PUBLIC, US_GOVERNMENT, CHINA])
def test_a_clouds_authority_needs_no_discovery(cloud):
    scheme, _, rest = cloud.authority.partition("://")
    assert scheme == "https" and rest.endswith("/")
    assert rest.rstrip("/") in KNOWN_AUTHORITY_HOSTS


@pytest.mark.parametrize("name", ["AzureMoonCloud", "public", " ", "AzureGermanCloud"])
def test_a_name_nobody_knows_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(SettingsError, match="environment") as caught:
        find_cloud(name, {})
    assert "AzurePublicCloud" in caught.value.hint and "AzureStackCloud" in caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_azure_stack_is_what_its_file_says(tmp_path, encoding):
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(STACK), encoding)
    cloud = find_cloud("azurestackcloud", {"AZURE_ENVIRONMENT_FILEPATH": str(file)})
    assert cloud.authority == "https://login.stack.example/"
    assert cloud.resource_manager == "https://management.stack.example/"


def test_azure_stack_without_a_file():
    with pytest.raises(SettingsError) as caught:
        find_cloud("AzureStackCloud", {})
    assert "AZURE_ENVIRONMENT_FILEPATH" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b"\xff\xfe\x00",
        json.dumps({**STACK, "activeDirectoryEndpoint": 5}).encode(),
        json.dumps({**STACK, "resourceManagerEndpoint": None}).encode(),
    ],
)
def test_a_file_that_describes_no_cloud(tmp_path, content):
    file = tmp_path / "stack.json"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(str(file))):
        find_cloud("AzureStackCloud", {"AZURE_ENVIRONMENT_FILEPATH": str(file)})


@pytest.mark.parametrize("path", ["/nonexistent/stack.json", "/"])
def test_a_file_that_cannot_be_read(path):
    with pytest.raises(SettingsError, match=path):
        find_cloud("AzureStackCloud", {"AZURE_ENVIRONMENT_FILEPATH": path})


@pytest.mark.parametrize(
    ("named", "audience"),
    [
        ({}, "https://management.stack.example"),
        ({"tokenAudience": "https://management.tenant.example/id"}, None),
        ({"serviceManagementEndpoint": "https://management.tenant.example/id/"}, None),
    ],
)
def test_the_audience_of_a_stacks_resource_manager(tmp_path, named, audience):
    described = {
        "activeDirectoryEndpoint": "https://login.stack.example/",
        "resourceManagerEndpoint": "https://management.stack.example/",
        **named,
    }
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(described))
    cloud = find_cloud("AzureStackCloud", {"AZURE_ENVIRONMENT_FILEPATH": str(file)})
    expected = audience or "https://management.tenant.example/id"
    assert cloud.resource_manager_audience == expected
