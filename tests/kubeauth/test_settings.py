"""Which value wins, what is missing, and what makes no sense."""

from __future__ import annotations

import string
from dataclasses import fields
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeauth.errors import SettingsError
from kubeauth.options.check import authority_of, checked
from kubeauth.options.resolve import resolve, with_origins
from kubeauth.options.settings import FLAGS, Settings

SPN = {
    "login": "spn",
    "server_id": "server",
    "tenant_id": "tenant",
    "client_id": "client",
    "client_secret": "hidden",
}
# Field, then its variables; a later one wins over an earlier one.
OVERRIDES = {
    "client_id": ("AAD_SERVICE_PRINCIPAL_CLIENT_ID", "AZURE_CLIENT_ID"),
    "client_secret": ("AAD_SERVICE_PRINCIPAL_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
    "tenant_id": ("AZURE_TENANT_ID",),
}
TERRAFORM = {
    "client_id": "ARM_CLIENT_ID",
    "client_secret": "ARM_CLIENT_SECRET",
    "tenant_id": "ARM_TENANT_ID",
}


class TestPrecedence:
    @pytest.mark.parametrize("field", OVERRIDES)
    def test_the_last_variable_that_is_set_wins_over_the_flag(self, field):
        environ: dict[str, str] = {}
        for name in OVERRIDES[field]:
            environ[name] = f"from-{name}"
            got = resolve({**SPN, field: "typed"}, environ)
            assert getattr(got, field) == f"from-{name}"
            assert got.origins[field] == name

    @pytest.mark.parametrize("field", OVERRIDES)
    def test_an_empty_variable_counts_as_unset(self, field):
        first, *others = OVERRIDES[field]
        environ = {first: "first", **dict.fromkeys(others, "")}
        assert getattr(resolve({**SPN, field: "typed"}, environ), field) == "first"
        environ = dict.fromkeys(OVERRIDES[field], "")
        got = resolve({**SPN, field: "typed"}, environ)
        assert getattr(got, field) == "typed"
        assert got.origins[field] == "--" + field.replace("_", "-")

    @pytest.mark.parametrize("login", ["azurecli", "msi", "spn", "workloadidentity"])
    def test_variables_override_a_machines_flags(self, login):
        environ = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"}
        got = resolve({"login": login, "client_id": "typed", "tenant_id": "typed"}, environ)
        assert (got.client_id, got.tenant_id) == ("c", "t")

    def test_variables_do_not_redirect_a_person(self):
        environ = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"}
        typed = {"login": "devicecode", "client_id": "typed", "tenant_id": "typed"}
        got = resolve(typed, environ)
        assert (got.client_id, got.tenant_id) == ("typed", "typed")

    def test_variables_fill_in_for_a_person_who_typed_nothing(self):
        got = resolve({"login": "devicecode"}, {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"})
        assert (got.client_id, got.tenant_id) == ("c", "t")

    def test_the_login_comes_from_its_variable_first(self):
        assert resolve({"login": "devicecode"}, {"AAD_LOGIN_METHOD": "msi"}).login == "msi"
        assert resolve({"login": "spn"}, {"AAD_LOGIN_METHOD": ""}).login == "spn"
        assert resolve({}, {}).login == "devicecode"

    def test_the_login_of_the_variable_decides_whose_rules_apply(self):
        environ = {"AAD_LOGIN_METHOD": "spn", "AZURE_CLIENT_ID": "c"}
        assert resolve({"login": "devicecode", "client_id": "typed"}, environ).client_id == "c"

    @pytest.mark.parametrize("field", TERRAFORM)
    def test_terraforms_variables_replace_the_others(self, field):
        environ = {TERRAFORM[field]: "arm", OVERRIDES[field][-1]: "azure"}
        assert getattr(resolve({**SPN, "use_azurerm_env_vars": True}, environ), field) == "arm"
        assert getattr(resolve(SPN, environ), field) == "azure"
        del environ[TERRAFORM[field]]
        got = resolve({**SPN, "use_azurerm_env_vars": True}, environ)
        assert getattr(got, field) == SPN[field]

    def test_the_variables_of_a_pod_count_in_its_login_only(self):
        environ = {
            "AZURE_AUTHORITY_HOST": "https://x.example/",
            "AZURE_FEDERATED_TOKEN_FILE": "/token",
        }
        pod = resolve({"login": "workloadidentity"}, environ)
        assert (pod.authority_host, pod.federated_token_file) == ("https://x.example/", "/token")
        other = resolve({"login": "spn"}, environ)
        assert (other.authority_host, other.federated_token_file) == ("", "")

    def test_the_clis_time_limit_fills_in_only(self):
        environ = {"AZURE_CLI_TIMEOUT": "30"}
        assert resolve({"login": "azurecli"}, environ).timeout == 30
        assert resolve({"login": "azurecli", "timeout": 5.0}, environ).timeout == 5

    @pytest.mark.parametrize("word", ["0", "f", "false", "n", "no", "off", "OFF", "False"])
    def test_a_word_switches_the_renewal_in_the_background_off(self, word):
        environ = {"KUBEAUTH_BACKGROUND_REFRESH": word}
        assert resolve({"login": "spn"}, environ).no_background_refresh is True

    @pytest.mark.parametrize("word", ["1", "t", "true", "y", "yes", "on", "offf", "nope"])
    def test_other_words_leave_it_on(self, word):
        environ = {"KUBEAUTH_BACKGROUND_REFRESH": word}
        assert resolve({"login": "spn"}, environ).no_background_refresh is False

    def test_overriding_can_be_switched_off(self):
        environ = {name: "x" for names in OVERRIDES.values() for name in names}
        environ |= {"AAD_LOGIN_METHOD": "nonsense", "AZURE_CLI_TIMEOUT": "nonsense"}
        typed = {**SPN, "disable_environment_override": True}
        assert resolve(typed, environ) == Settings(**typed)

    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({"AAD_LOGIN_METHOD": "telepathy"}, "telepathy"),
            ({"AZURE_CLI_TIMEOUT": "soon"}, "AZURE_CLI_TIMEOUT"),
        ],
    )
    def test_a_variable_that_makes_no_sense_is_named(self, environ, said):
        with pytest.raises(SettingsError, match=said) as caught:
            resolve({"login": "azurecli"}, environ)
        assert caught.value.hint


class TestChecked:
    @pytest.mark.parametrize(
        ("login", "needed"),
        [
            ("devicecode", {"server_id", "client_id", "tenant_id"}),
            ("azurecli", {"server_id"}),
            ("spn", {"server_id", "client_id", "tenant_id", "client_secret"}),
            ("msi", {"server_id"}),
            ("workloadidentity", {"server_id", "client_id", "tenant_id"}),
        ],
    )
    def test_names_everything_that_is_missing_one_by_one(self, login, needed):
        values: dict[str, str] = {}
        for _ in range(len(needed)):
            with pytest.raises(SettingsError, match="is required") as caught:
                checked(Settings(login=login, **values), {})
            (name,) = (n for n in needed if f"--{n.replace('_', '-')} " in f"{caught.value} ")
            assert name not in values and f"--{name.replace('_', '-')}" in caught.value.hint
            values[name] = "x"
        assert checked(Settings(login=login, **values), {}).login == login

    def test_a_hint_names_the_variables_that_count(self):
        with pytest.raises(SettingsError) as caught:
            checked(Settings(**{**SPN, "tenant_id": ""}), {})
        assert "AZURE_TENANT_ID" in caught.value.hint

    def test_lower_cases_the_tenant(self):
        assert checked(Settings(**{**SPN, "tenant_id": "CONTOSO.Example"}), {}).tenant_id == (
            "contoso.example"
        )

    @pytest.mark.parametrize("tenant", ["a/b", "a?b", "a b", "../x", "a\nb", "ä", "a#b"])
    def test_refuses_a_tenant_that_would_change_the_url(self, tenant):
        with pytest.raises(SettingsError, match="tenant-id"):
            checked(Settings(**{**SPN, "tenant_id": tenant}), {})

    def test_says_where_a_wrong_tenant_came_from(self):
        with pytest.raises(SettingsError) as caught:
            checked(resolve(SPN, {"AZURE_TENANT_ID": "a/b"}), {})
        assert "AZURE_TENANT_ID" in caught.value.hint


class TestAuthority:
    @pytest.mark.parametrize("host", ["https://h.example", "https://h.example/"])
    def test_ends_in_one_slash(self, host):
        assert authority_of(Settings(authority_host=host), {}) == "https://h.example/"

    def test_a_host_wins_over_a_cloud(self):
        named = Settings(authority_host="https://h.example/", environment="AzureChinaCloud")
        assert authority_of(named, {}) == "https://h.example/"
        assert authority_of(Settings(environment="azurechinacloud"), {}) == (
            "https://login.chinacloudapi.cn/"
        )

    def test_a_cloud_is_checked_beside_a_host(self):
        """Azure Stack's own description is not needed where the host is named."""
        stack = Settings(authority_host="https://h.example/", environment="AzureStackCloud")
        assert authority_of(stack, {}) == "https://h.example/"
        typo = Settings(authority_host="https://h.example/", environment="AzureTypoCloud")
        with pytest.raises(SettingsError, match="unknown Azure cloud 'AzureTypoCloud'"):
            authority_of(typo, {})

    @pytest.mark.parametrize(
        "host",
        [
            "http://h.example/",
            "h.example",
            "https://",
            "https://user@h.example/",
            "https://h.example/?a=b",
            "https://h.example/#f",
            "file:///etc/passwd",
        ],
    )
    def test_is_an_https_address(self, host):
        with pytest.raises(SettingsError, match="authority-host"):
            authority_of(Settings(authority_host=host), {})

    def test_is_an_address_that_can_be_read(self):
        for host in ("https://[", "https://h.example:port/", "https://h.example:99999/"):
            with pytest.raises(SettingsError, match="authority-host"):
                authority_of(Settings(authority_host=host), {})


@pytest.mark.parametrize(
    ("server_id", "legacy", "scope"),
    [
        ("abc", False, "abc/.default"),
        ("abc/", False, "abc/.default"),
        ("abc/.default", False, "abc/.default"),
        ("https://host.example/", False, "https://host.example/.default"),
        ("abc", True, "spn:abc/.default"),
    ],
)
def test_the_scope_is_the_servers_default(server_id, legacy, scope):
    assert Settings(server_id=server_id, legacy=legacy).scope == scope


TEXTS = [f.name for f in fields(Settings) if f.type == "str"]
SWITCHES = [f.name for f in fields(Settings) if f.type == "bool"]
VARIABLES = [
    *(name for names in OVERRIDES.values() for name in names),
    *TERRAFORM.values(),
    *("AAD_LOGIN_METHOD", "AZURE_AUTHORITY_HOST", "AZURE_FEDERATED_TOKEN_FILE"),
    *("AZURE_CLI_TIMEOUT", "AZURE_ENVIRONMENT_FILEPATH"),
]
text = st.one_of(
    st.sampled_from(["", "spn", "msi", "https://a.example/", "AzureStackCloud", "30s"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)


@settings(max_examples=300)
@given(
    typed=st.dictionaries(st.sampled_from(TEXTS), st.none() | text),
    switches=st.dictionaries(st.sampled_from(SWITCHES), st.booleans()),
    environ=st.dictionaries(st.sampled_from(VARIABLES), text),
    login=st.sampled_from(["", "spn", "devicecode", "msi", "azurecli", "workloadidentity"]),
)
def test_whatever_is_given_only_a_settings_error_comes_of_it(typed, switches, environ, login):
    try:
        got = resolve({**SPN, **typed, **switches, "login": login}, environ)
        checked(got, environ)
    except SettingsError as error:
        assert str(error) and error.hint


SECRETS = [
    f.name
    for f in fields(Settings)
    if "secret" in f.name or "password" in f.name or f.name == "assertion"
    # The others say where a secret is.
    if f.name not in {flag.field for flag in FLAGS if flag.names}
]
secret = st.text(string.ascii_letters + string.digits, min_size=6).map(lambda t: f"s3cr3t{t}")


@settings(max_examples=50)
@given(value=secret, environment=st.sampled_from(["", "AzureMoonCloud"]))
def test_no_secret_is_ever_shown(value, environment):
    assert len(SECRETS) >= 3
    typed = {**SPN, **dict.fromkeys(SECRETS, value), "environment": environment}
    got = resolve(typed, {"AZURE_CLIENT_SECRET": value})
    assert value not in repr(got) and value not in str(got.origins)
    try:
        checked(got, {})
    except SettingsError as error:
        assert value not in f"{error}{error!r}{error.hint}"


@pytest.mark.parametrize(
    ("said", "cloud"),
    [
        ("public", "AzurePublicCloud"),
        ("USGovernment", "AzureUSGovernmentCloud"),
        ("china", "AzureChinaCloud"),
        ("AzureChinaCloud", "AzureChinaCloud"),
    ],
)
def test_terraforms_name_of_the_cloud(said, cloud):
    environ = {"ARM_ENVIRONMENT": said}
    typed = {"login": "spn", "use_azurerm_env_vars": True}
    assert resolve(typed, environ).environment == cloud
    flag = {**typed, "environment": "AzurePublicCloud"}
    assert resolve(flag, environ).environment == "AzurePublicCloud"
    assert resolve({"login": "spn"}, environ).environment == ""


class TestOrigins:
    """A hint names a flag; a variable that overrides the flag makes it bad advice without more."""

    def hint(self, text: str, environ: dict[str, str], **typed: str) -> str:
        return with_origins(text, resolve({**SPN, **typed}, environ))

    def test_a_variable_that_sets_the_flag_is_named(self):
        hint = self.hint("check --client-id", {"AZURE_CLIENT_ID": "c"})
        assert hint == "check --client-id; AZURE_CLIENT_ID sets --client-id here"

    def test_not_one_that_the_hint_names_itself(self):
        text = "check --client-id or AZURE_CLIENT_ID"
        assert self.hint(text, {"AZURE_CLIENT_ID": "c"}) == text

    def test_not_a_flag_that_was_typed(self):
        assert self.hint("check --client-id", {}) == "check --client-id"

    @pytest.mark.parametrize("text", ["check --client-id-of-x", "check --client-identity", "wait"])
    def test_not_for_another_flag(self, text):
        assert self.hint(text, {"AZURE_CLIENT_ID": "c"}) == text

    def test_an_unknown_login_is_blamed_on_what_named_it(self):
        with pytest.raises(SettingsError) as caught:
            resolve({"login": "telepathy"}, {})
        assert "give --login as" in caught.value.hint
        with pytest.raises(SettingsError) as caught:
            resolve({"login": "spn"}, {"AAD_LOGIN_METHOD": "telepathy"})
        assert "give AAD_LOGIN_METHOD as" in caught.value.hint


class TestAdvice:
    """What is missing or wrong is named with the flag that mends it."""

    def refused(self, login: str, **given: object) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            checked(Settings(login=login, **given), {})
        return caught.value

    def test_a_server_is_named_for_aks(self):
        error = self.refused("azurecli")
        assert "for AKS it is 6dae42f8-4368-4678-94ff-3960e28e3630" in error.hint
        assert "azure.workload.identity/use" not in self.refused("workloadidentity").hint

    def test_a_pod_is_told_of_its_label_alone(self):
        hint = self.refused("workloadidentity", server_id="s").hint
        assert "azure.workload.identity/use" in hint and "for AKS" not in hint
        assert "azure.workload.identity/use" not in self.refused("spn", server_id="s").hint

    @pytest.mark.parametrize(
        ("given", "required", "other"),
        [
            ({"pop_enabled": True}, "--pop-claims", "--pop-enabled"),
            ({"pop_claims": "u=/a"}, "--pop-enabled", "--pop-claims"),
        ],
    )
    def test_half_a_proof_of_possession(self, given, required, other):
        error = self.refused(**{**SPN, **given})
        assert f"{required} is required with {other}" in str(error)
        assert f"give {required}" in error.hint

    def test_a_login_that_cannot_prove_possession(self):
        given = {"server_id": "s", "pop_enabled": True, "pop_claims": "u=/a"}
        error = self.refused("msi", **given)
        assert "does not support proof of possession" in str(error) and "spn" in error.hint

    def test_a_wrong_authority_is_blamed_on_its_variable(self):
        settings = resolve(
            {**SPN, "login": "workloadidentity"}, {"AZURE_AUTHORITY_HOST": "http://a"}
        )
        with pytest.raises(SettingsError) as caught:
            authority_of(settings, {})
        assert "it came from AZURE_AUTHORITY_HOST" in caught.value.hint

    @pytest.mark.parametrize("host", ["https://h.example/adfs", "https://h.example/ADFS/"])
    def test_ad_fs_is_a_tenant_of_its_host(self, host):
        settings = Settings(**{**SPN, "authority_host": host})
        assert authority_of(settings, {}) == "https://h.example/"
        assert checked(settings, {}).tenant_id == "adfs"


class TestWhatCannotBeSent:
    NEEDED: ClassVar = {
        "login": "spn",
        "server_id": "server",
        "tenant_id": "tenant",
        "client_id": "client",
        "client_secret": "secret",
    }

    @pytest.mark.parametrize("field", ["client_secret", "login_hint", "server_id"])
    def test_text_that_is_not_utf_8_is_named_with_its_origin(self, field):
        settings = Settings(**{**self.NEEDED, field: "\udcff"}, origins={field: "SOME_VARIABLE"})
        with pytest.raises(SettingsError) as caught:
            checked(settings, {})
        assert "--" + field.replace("_", "-") in str(caught.value)
        assert "UTF-8" in str(caught.value)
        assert caught.value.hint == "it came from SOME_VARIABLE; give it in UTF-8"

    @pytest.mark.parametrize("server", [" ", "two words", "/.default", "\tid", "id\n"])
    def test_a_server_is_one_word(self, server):
        with pytest.raises(SettingsError, match="server-id"):
            checked(Settings(**{**self.NEEDED, "server_id": server}), {})

    def test_claims_of_a_proof_are_read_before_anything_is_sent(self):
        proof = {"pop_enabled": True, "pop_claims": "no host"}
        with pytest.raises(SettingsError, match="pop-claims"):
            checked(Settings(**self.NEEDED, **proof), {})
        good = {"pop_enabled": True, "pop_claims": "u=host"}
        assert checked(Settings(**self.NEEDED, **good), {}).pop_claims == "u=host"

    @pytest.mark.parametrize("character", "abcdefghijklmnopqrstuvwxyz0123456789.-")
    def test_each_character_of_an_id_or_a_domain_is_taken(self, character):
        settings = Settings(**{**self.NEEDED, "tenant_id": f"a{character}b"})
        assert checked(settings, {}).tenant_id == f"a{character}b"

    def test_two_ways_to_give_a_secret_are_named_and_no_more(self):
        with pytest.raises(SettingsError) as caught:
            checked(Settings(**{**self.NEEDED, "client_secret": ""}), {})
        assert str(caught.value).count("--") == 2
