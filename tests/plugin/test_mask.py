"""What a printed kubeconfig shows: nothing that is not known to be harmless."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from harness import Program
from hypothesis import given
from hypothesis import strategies as st

from kubeauth_plugin.convert.report import _HARMLESS
from kubeauth_plugin.kubeconfig.mask import masked

SECRET = "S3cr3tValue"


def user(**fields: Any) -> str:
    return yaml.safe_dump({"users": [{"name": "u", "user": fields}]}, sort_keys=False)


def plugin(*args: str, command: str = "kubelogin", **env: str) -> str:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return user(exec={"command": command, "args": list(args), "env": variables})


HIDDEN = {
    "token": user(token=SECRET),
    "password": user(username="dana", password=SECRET),
    "key": user(**{"client-key-data": SECRET}),
    "refresh token": user(**{"auth-provider": {"config": {"refresh-token": SECRET}}}),
    "OpenID Connect secret": user(**{"auth-provider": {"config": {"client-secret": SECRET}}}),
    "a field of tomorrow": user(**{"api-key": SECRET}),
    "a list of tomorrow": user(keys=[SECRET]),
    "impersonation": user(**{"as-user-extra": {"reason": [SECRET]}}),
    "variable": plugin("get-token", AAD_SERVICE_PRINCIPAL_CLIENT_SECRET=SECRET),
    "variable of tomorrow": plugin("get-token", MY_THING=SECRET),
    "password in a variable": plugin(AZURE_AUTHORITY_HOST=f"https://u:{SECRET}@host/"),
    "proxy": yaml.safe_dump(
        {"clusters": [{"name": "c", "cluster": {"proxy-url": f"http://u:{SECRET}@proxy:8080"}}]}
    ),
    "flag": plugin("get-token", "--client-secret", SECRET),
    "flag and value": plugin("get-token", f"--client-secret={SECRET}"),
    "another plugin's flag": plugin("--header", SECRET, command="gke"),
    "another plugin's flag and value": plugin(f"--header={SECRET}", command="gke"),
    "another plugin's word": plugin(SECRET, command="gke"),
    "a program's arguments": plugin("--assertion-source", f"command:mint --key {SECRET}"),
    "certificate's password": plugin("--client-certificate-password", SECRET),
    "userinfo": plugin("--authority-host", f"https://u:{SECRET}@host/"),
    "an extension": yaml.safe_dump(
        {"extensions": [{"name": "x", "extension": {"thing": {"deep": SECRET}}}]}
    ),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_is_hidden(what: str) -> None:
    shown = masked(HIDDEN[what], _HARMLESS)
    assert SECRET not in shown and "***" in shown
    yaml.safe_load(shown)


def test_what_is_harmless_is_shown() -> None:
    text = plugin(
        *("get-token", "--login", "spn", "-t", "tenant-1", "--client-id=client-1", "--legacy"),
        AZURE_CONFIG_DIR="/home/dana/.azure",
    )
    assert masked(text, _HARMLESS) == text
    shown = masked(user(**{"client-certificate-data": "public"}), _HARMLESS)
    assert "public" in shown


@given(
    st.dictionaries(st.text("abcdefghij-", min_size=1), st.just(SECRET), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_no_unknown_field_is_shown_however_deep(fields: dict[str, Any], depth: int) -> None:
    known = {"as", "command", "context", "name"}
    content: Any = {key: value for key, value in fields.items() if key not in known}
    for _ in range(depth):
        content = {"inner": [content]}
    assert SECRET not in masked(user(x=content), _HARMLESS)


def test_the_command_shows_stars(program: Program) -> None:
    file = program.home / "config"
    file.write_text(
        plugin(
            *("get-token", "-l", "spn", "--server-id", "s", "--tenant-id", "t"),
            *("--client-id", "c", "--client-secret", SECRET),
            AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD=SECRET,
        )
    )
    for more in ((), ("--dry-run",), ("-o", "json")):
        words = ("convert-kubeconfig", "--kubeconfig", str(file), "-l", "azurecli", "--diff", *more)
        ran = program(*words)
        assert SECRET not in ran.stdout + ran.stderr, more
