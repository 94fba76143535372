"""Every variable that sets a setting: which one, in which logins, and whether over a flag.

The table repeats the code's own on purpose: people and their scripts rely on each row.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubeauth.errors import SettingsError
from kubeauth.options.check import checked
from kubeauth.options.logins import LOGINS
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth.options.variables import known_variables

OVER, FILLS = False, True
PIPELINES, WORKLOAD = {"azurepipelines"}, {"workloadidentity"}
ANY = set(LOGINS)
CONNECTION = "azure_pipelines_service_connection_id"
# Variable, field, whether a flag wins, the logins that read it.
ALWAYS: list[tuple[str, str, bool, set[str]]] = [
    ("AZURE_FEDERATED_TOKEN_FILE", "federated_token_file", FILLS, WORKLOAD),
    ("AAD_USER_PRINCIPAL_NAME", "username", OVER, ANY),
    ("AZURE_USERNAME", "username", OVER, ANY),
    ("AAD_USER_PRINCIPAL_PASSWORD", "password", OVER, ANY),
    ("AZURE_PASSWORD", "password", OVER, ANY),
    ("AZURE_AUTHORITY_HOST", "authority_host", OVER, WORKLOAD),
    ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", CONNECTION, FILLS, PIPELINES | WORKLOAD),
    ("AZURE_CLI_TIMEOUT", "timeout", FILLS, ANY),
    ("KUBEAUTH_CACHE_STORAGE", "cache_storage", FILLS, ANY),
    ("KUBEAUTH_BACKGROUND_REFRESH", "no_background_refresh", FILLS, ANY),
    ("AZURESUBSCRIPTION_CLIENT_ID", "client_id", FILLS, PIPELINES),
    ("AZURESUBSCRIPTION_TENANT_ID", "tenant_id", FILLS, PIPELINES),
]
USUAL: list[tuple[str, str, bool, set[str]]] = [
    ("AAD_SERVICE_PRINCIPAL_CLIENT_ID", "client_id", OVER, ANY),
    ("AZURE_CLIENT_ID", "client_id", OVER, ANY),
    ("AAD_SERVICE_PRINCIPAL_CLIENT_SECRET", "client_secret", OVER, ANY),
    ("AZURE_CLIENT_SECRET", "client_secret", OVER, ANY),
    ("AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE", "client_certificate", OVER, ANY),
    ("AZURE_CLIENT_CERTIFICATE_PATH", "client_certificate", OVER, ANY),
    (
        "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD",
        "client_certificate_password",
        OVER,
        ANY,
    ),
    ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "client_certificate_password", OVER, ANY),
    ("AZURE_TENANT_ID", "tenant_id", OVER, ANY),
]
TERRAFORM: list[tuple[str, str, bool, set[str]]] = [
    ("AZURE_CLIENT_ID", "client_id", FILLS, WORKLOAD),
    ("AZURE_TENANT_ID", "tenant_id", FILLS, WORKLOAD),
    ("ARM_CLIENT_ID", "client_id", OVER, ANY),
    ("ARM_CLIENT_SECRET", "client_secret", OVER, ANY),
    ("ARM_CLIENT_SECRET_FILE_PATH", "client_secret_file", FILLS, {"spn"}),
    ("ARM_CLIENT_CERTIFICATE_PATH", "client_certificate", OVER, ANY),
    ("ARM_CLIENT_CERTIFICATE_PASSWORD", "client_certificate_password", OVER, ANY),
    ("ARM_TENANT_ID", "tenant_id", OVER, ANY),
    ("ARM_OIDC_TOKEN", "assertion", OVER, WORKLOAD),
    ("ARM_OIDC_TOKEN_FILE_PATH", "federated_token_file", OVER, WORKLOAD),
    ("ARM_ENVIRONMENT", "environment", FILLS, ANY),
    ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", CONNECTION, FILLS, PIPELINES | WORKLOAD),
    ("ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", CONNECTION, FILLS, PIPELINES | WORKLOAD),
]
READ = {False: ALWAYS + USUAL, True: ALWAYS + TERRAFORM}


def given(field: str) -> tuple[str, Any]:
    """A value as a variable has it, and as the setting has it then."""
    special = {"timeout": ("7s", 7.0), "no_background_refresh": ("0", True)}
    return special.get(field, ("from-variable", "from-variable"))


def flag(field: str) -> Any:
    return 3.0 if field == "timeout" else "from-flag"


def test_every_variable_has_a_row() -> None:
    rows = {name for rows in READ.values() for name, *_ in rows}
    assert rows == {variable.name for variable, _ in known_variables()}


@pytest.mark.parametrize("terraform", [False, True])
@pytest.mark.parametrize("login", LOGINS)
class TestEveryVariable:
    def test_sets_its_field_in_its_logins_only(self, login: str, terraform: bool) -> None:
        for name, field, _, logins in READ[terraform]:
            text, value = given(field)
            got = resolve({"login": login, "use_azurerm_env_vars": terraform}, {name: text})
            expected = value if login in logins else getattr(Settings(), field)
            assert getattr(got, field) == expected, name
            assert got.origins.get(field) == (name if login in logins else None), name

    def test_wins_over_a_flag_or_fills_in(self, login: str, terraform: bool) -> None:
        for name, field, fills, logins in READ[terraform]:
            text, value = given(field)
            typed = {"login": login, "use_azurerm_env_vars": terraform, field: flag(field)}
            # A person's own sign-in is not sent elsewhere by variables for a service principal.
            personal = LOGINS[login].human and field in ("client_id", "tenant_id")
            wins = login in logins and not fills and not personal
            got = getattr(resolve(typed, {name: text}), field)
            assert got == (value if wins else flag(field)), name

    def test_of_the_other_kind_is_not_read(self, login: str, terraform: bool) -> None:
        read = {name for name, *_ in READ[terraform]}
        environ = {name: "1" for name, *_ in READ[not terraform] if name not in read}
        typed = {"login": login, "use_azurerm_env_vars": terraform}
        assert resolve(typed, environ) == resolve(typed, {})

    def test_that_is_empty_or_a_line_end_counts_as_unset(self, login: str, terraform: bool) -> None:
        typed = {"login": login, "use_azurerm_env_vars": terraform}
        for text in ("", "\n", "\r\n"):
            environ = dict.fromkeys((name for name, *_ in READ[terraform]), text)
            assert resolve(typed, environ) == resolve(typed, {})


def test_the_end_of_a_line_is_no_part_of_a_value() -> None:
    assert resolve({"login": "spn"}, {"AZURE_CLIENT_SECRET": "s\r\n"}).client_secret == "s"


@pytest.mark.parametrize("named", ["identity_resource_id", "identity_object_id"])
def test_a_pods_variable_does_not_rename_a_named_identity(named: str) -> None:
    environ = {"AZURE_CLIENT_ID": "a-pods", "AZURE_TENANT_ID": "t"}
    got = resolve({"login": "msi", named: "mine"}, environ)
    assert (got.client_id, got.tenant_id) == ("", "t")
    assert resolve({"login": "msi"}, environ).client_id == "a-pods"
    assert resolve({"login": "spn", named: "mine"}, environ).client_id == "a-pods"


CHOICES = {
    "ARM_USE_OIDC": "workloadidentity",
    "ARM_USE_AKS_WORKLOAD_IDENTITY": "workloadidentity",
    "ARM_USE_MSI": "msi",
    "ARM_USE_CLI": "azurecli",
}


class TestTerraformsChoiceOfLogin:
    @pytest.mark.parametrize("value", ["true", "TRUE", "1"])
    @pytest.mark.parametrize("name", CHOICES)
    def test_counts_where_terraforms_variables_are_asked_for(self, name: str, value: str) -> None:
        got = resolve({"use_azurerm_env_vars": True}, {name: value})
        assert (got.login, got.origins["login"]) == (CHOICES[name], name)

    @pytest.mark.parametrize("name", CHOICES)
    def test_counts_nowhere_else(self, name: str) -> None:
        assert resolve({}, {name: "true"}).login == "devicecode"
        assert resolve({"use_azurerm_env_vars": False}, {name: "true"}).login == "devicecode"

    @pytest.mark.parametrize("name", CHOICES)
    def test_never_replaces_a_login_that_was_typed(self, name: str) -> None:
        typed = {"use_azurerm_env_vars": True, "login": "spn"}
        got = resolve(typed, {name: "true"})
        assert (got.login, got.origins["login"]) == ("spn", "--login")

    @pytest.mark.parametrize("value", ["", "false", "0", "yes"])
    def test_takes_true_and_1_only(self, value: str) -> None:
        typed = {"use_azurerm_env_vars": True}
        assert resolve(typed, {"ARM_USE_MSI": value}).login == "devicecode"

    def test_kubelogins_variable_wins(self) -> None:
        environ = {"ARM_USE_MSI": "true", "AAD_LOGIN_METHOD": "spn"}
        got = resolve({"use_azurerm_env_vars": True}, environ)
        assert (got.login, got.origins["login"]) == ("spn", "AAD_LOGIN_METHOD")


@pytest.mark.parametrize("terraform", [False, True])
@pytest.mark.parametrize(
    ("login", "missing"), [(row.name, name) for row in LOGINS.values() for name in row.needs]
)
def test_a_hint_names_the_variables_that_set_what_is_missing_and_no_other(
    login: str, missing: str, terraform: bool
) -> None:
    given = {name: "x.example" for name in LOGINS[login].needs if name != missing}
    typed = {"login": login, "server_id": "s", "use_azurerm_env_vars": terraform, **given}
    with pytest.raises(SettingsError) as caught:
        checked(resolve(typed, {}), {})
    named = set(re.findall(r"[A-Z][A-Z_]{7,}", caught.value.hint))
    every = {variable.name for variable, _ in known_variables()}
    # A text that is a length of time, too.
    setting = {name for name in every if getattr(resolve(typed, {name: "30"}), missing) == "30"}
    assert named == setting
