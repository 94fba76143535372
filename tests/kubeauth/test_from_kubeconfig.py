"""Providers from kubeconfigs, the environment and settings; and the first of several."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeauth import (
    AccessToken,
    AzureCli,
    AzurePipelines,
    Chain,
    Credential,
    DeviceCode,
    InteractionRequired,
    Interactive,
    KubeauthError,
    KubeconfigError,
    ManagedIdentity,
    Password,
    ServicePrincipal,
    Settings,
    SettingsError,
    SignInCancelled,
    SignInError,
    SignInRefused,
    System,
    WorkloadIdentity,
    from_environ,
    from_kubeconfig,
    from_settings,
)
from kubeauth.kubeconfig.entry import find_entry

SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"


def kubeconfig(user, name="prod", current=True, **cluster):
    """A kubeconfig with one context, as YAML text."""
    cluster = {"server": f"https://{name}.example", **cluster}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": f"{name}-cluster", "cluster": cluster}],
            "contexts": [
                {
                    "name": name,
                    "context": {"cluster": f"{name}-cluster", "user": "u", "namespace": "apps"},
                }
            ],
            **({"current-context": name} if current else {}),
            "users": [{"name": "u", "user": user}],
        }
    )


def exec_user(*args, command="kubelogin", env=None):
    block = {"apiVersion": "client.authentication.k8s.io/v1", "command": command}
    return {"exec": {**block, "args": ["get-token", *args], "env": env}}


PERSON = ("--server-id", SERVER, "--tenant-id", "t", "--client-id", "c")


@pytest.fixture
def system(tmp_path):
    def make(**environ):
        return System(environ={"HOME": str(tmp_path), **environ})

    return make


@pytest.fixture
def written(tmp_path):
    def write(text, name="config"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


class TestFromKubeconfig:
    @pytest.mark.parametrize(
        ("args", "kind"),
        [
            (("-l", "devicecode", *PERSON), DeviceCode),
            ((*PERSON,), DeviceCode),
            (("--login=interactive", *PERSON), Interactive),
            (("-l", "azurecli", "--server-id", SERVER), AzureCli),
            (("-lmsi", "--server-id", SERVER), ManagedIdentity),
            (("-l", "spn", *PERSON, "--client-secret", "s"), ServicePrincipal),
            (("-l", "workloadidentity", *PERSON, "--federated-token-file", "f"), WorkloadIdentity),
            (("-l", "ropc", *PERSON, "--username", "u", "--password", "p"), Password),
        ],
    )
    @pytest.mark.parametrize(
        "command", ["kubelogin", "/usr/bin/kubeauth", r"C:\bin\kubelogin.exe", "azure-kubelogin"]
    )
    def test_every_login_of_both_plugins(self, written, system, args, kind, command):
        path = written(kubeconfig(exec_user(*args, command=command)))
        provider = from_kubeconfig(path=path, system=system())
        assert type(provider) is kind
        assert SERVER in repr(provider)

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("kubectl", ["kubeauth"]),
            ("python3", ["-m", "kubeauth"]),
            ("python3", ["-I", "-m", "kubeauth_plugin"]),
            ("python3", ["-I", "/opt/kubeauth-1.2.3.pyz"]),
            ("kubeauth.pyz", []),
        ],
    )
    def test_the_plugin_by_its_other_names(self, written, system, command, words):
        user = {"exec": {"command": command, "args": [*words, "get-token", *PERSON]}}
        path = written(kubeconfig(user))
        assert type(from_kubeconfig(path=path, system=system())) is DeviceCode

    def test_the_legacy_auth_provider(self, written, system, sim):
        path = written(sim.kubeconfig("azure"))
        provider = from_kubeconfig(path=path, system=system())
        assert type(provider) is DeviceCode and "legacy" not in repr(provider)
        old = kubeconfig(
            {
                "auth-provider": {
                    "name": "azure",
                    "config": {"apiserver-id": SERVER, "client-id": "c", "tenant-id": "t"},
                }
            }
        )
        provider = from_kubeconfig(path=written(old), system=system())
        assert "legacy=True" in repr(provider)

    def test_flags_keep_their_text(self, written, system):
        text = kubeconfig(exec_user(*PERSON)).replace("- t\n", "- 0123\n").replace("- c\n", "- y\n")
        provider = from_kubeconfig(path=written(text), system=system())
        assert "tenant_id='0123'" in repr(provider) and "client_id='y'" in repr(provider)

    @pytest.mark.parametrize(
        "user",
        [
            {"token": "t0ken"},
            {"exec": {"command": "aws", "args": ["eks", "get-token"]}},
            {"exec": {"command": "kubelogin", "args": ["get-token", "--oidc-issuer-url=x"]}},
            {"auth-provider": {"name": "gcp"}},
            {},
            None,
        ],
    )
    def test_another_kind_of_user_is_named(self, written, system, user):
        path = written(kubeconfig(user))
        with pytest.raises(KubeconfigError, match="context 'prod'") as caught:
            from_kubeconfig(path=path, system=system())
        assert caught.value.hint and "t0ken" not in str(caught.value)

    def test_variables_count_as_for_the_plugin(self, written, system):
        path = written(kubeconfig(exec_user(*PERSON)))
        known = system(AAD_LOGIN_METHOD="azurecli")
        assert type(from_kubeconfig(path=path, system=known)) is AzureCli

    def test_variables_of_the_exec_block_count(self, written, system):
        env = [{"name": "AAD_LOGIN_METHOD", "value": "azurecli"}]
        path = written(kubeconfig(exec_user(*PERSON, env=env)))
        assert type(from_kubeconfig(path=path, system=system())) is AzureCli

    def test_what_is_said_in_code_wins(self, written, system):
        path = written(kubeconfig(exec_user("--environment", "AzureChinaCloud", *PERSON)))
        known = system(
            AAD_LOGIN_METHOD="azurecli", AZURE_CLIENT_ID="app", AZURE_FEDERATED_TOKEN_FILE="/f"
        )
        text = repr(from_kubeconfig(path=path, system=known, login="workloadidentity", timeout=5.0))
        assert text.startswith("WorkloadIdentity") and "timeout=5.0" in text
        assert "client_id='app'" in text and "tenant_id='t'" in text and "China" in text

    def test_another_login_leaves_the_identity_behind(self, written, system):
        path = written(kubeconfig(exec_user(*PERSON)))
        assert "client_id" not in repr(from_kubeconfig(path=path, system=system(), login="msi"))
        assert "tenant_id" not in repr(
            from_kubeconfig(path=path, system=system(), login="azurecli")
        )
        browser = from_kubeconfig(path=path, system=system(), login="interactive")
        assert "client_id='c'" in repr(browser)

    def test_a_keyword_that_means_nothing_is_a_type_error(self, written, system):
        path = written(kubeconfig(exec_user(*PERSON)))
        with pytest.raises(TypeError, match="tenant_ID"):
            from_kubeconfig(path=path, system=system(), tenant_ID="x")

    def test_a_person_is_asked_only_by_show(self, written, system, sim, tmp_path):
        path = written(sim.kubeconfig("exec"))
        environ = {**sim.environ(), "KUBEAUTH_CACHE_DIR": str(tmp_path / "cache")}
        options = {"authority_host": sim.authority, "disable_instance_discovery": True}
        known = system(**environ)
        with pytest.raises(InteractionRequired):
            from_kubeconfig(path=path, system=known, **options).get_token()
        user = sim.tenant.add_user("dana-shown@contoso.example")
        sim.device_code_interval = 1

        def show(text):
            (flow,) = sim.pending_device_codes()
            assert flow.user_code in text
            sim.approve(flow.user_code, user)

        provider = from_kubeconfig(path=path, system=known, show=show, **options)
        assert provider.get_token().token


class TestFiles:
    def test_the_first_current_context_wins(self, written, system, tmp_path):
        files = [
            written(kubeconfig(exec_user(*PERSON), "a", current=False), "1"),
            written(kubeconfig(exec_user(*PERSON), "b"), "2"),
            written(kubeconfig(exec_user(*PERSON), "c"), "3"),
        ]
        environ = {"KUBECONFIG": os.pathsep.join(["", str(tmp_path / "none"), *map(str, files)])}
        assert find_entry("", None, environ).context == "b"
        assert find_entry("a", None, environ).cluster.server == "https://a.example"

    def test_the_first_of_two_entries_wins(self, written, system):
        one = written(kubeconfig(exec_user(*PERSON), server="https://one"), "1")
        two = written(kubeconfig(exec_user(*PERSON), server="https://two"), "2")
        entry = find_entry("prod", None, {"KUBECONFIG": f"{two}{os.pathsep}{one}"})
        assert (entry.cluster.server, entry.namespace) == ("https://two", "apps")

    def test_the_usual_place(self, tmp_path):
        place = tmp_path / ".kube"
        place.mkdir()
        (place / "config").write_text(kubeconfig(exec_user(*PERSON)))
        assert find_entry("", None, {"HOME": str(tmp_path)}).context == "prod"

    def test_authorities_from_data_and_beside_the_file(self, written, tmp_path):
        (tmp_path / "ca.pem").write_bytes(b"PEM")
        beside = written(kubeconfig(exec_user(*PERSON), **{"certificate-authority": "ca.pem"}))
        assert find_entry("", beside, {}).cluster.ca_data == b"PEM"
        data = base64.b64encode(b"DATA").decode()
        fields = {
            "certificate-authority-data": data,
            "tls-server-name": "name",
            "proxy-url": "http://p",
            "insecure-skip-tls-verify": True,
        }
        cluster = find_entry("", written(kubeconfig(exec_user(*PERSON), **fields)), {}).cluster
        assert cluster.ca_data == b"DATA" and cluster.insecure
        assert (cluster.tls_server_name, cluster.proxy_url) == ("name", "http://p")

    @pytest.mark.parametrize(
        ("context", "message"),
        [("dev", "context 'dev' is in no kubeconfig"), ("", "no context is chosen")],
    )
    def test_a_name_that_is_not_there(self, written, context, message):
        path = written(kubeconfig(exec_user(*PERSON), current=False))
        with pytest.raises(SettingsError, match=message) as caught:
            find_entry(context, path, {})
        assert caught.value.hint

    def test_merged_and_shared_parts_are_understood(self, written):
        text = kubeconfig(exec_user(*PERSON)).replace(
            "apiVersion: v1", "apiVersion: v1\nx: &x {server: https://merged}"
        )
        text = text.replace("cluster:\n    server: https://prod.example", "cluster: {<<: *x}")
        assert find_entry("", written(text), {}).cluster.server == "https://merged"

    def test_no_file_at_all(self, tmp_path):
        with pytest.raises(KubeconfigError, match="there is no kubeconfig"):
            find_entry("", None, {"HOME": str(tmp_path)})
        with pytest.raises(KubeconfigError, match=r"there is no kubeconfig \(.*none\)"):
            find_entry("", tmp_path / "none", {})

    @pytest.mark.parametrize(
        "text",
        ["{", "\x00", "[" * 5000, "a: *b", "- 1", "users: x\ncontexts: x\ncurrent-context: y"],
    )
    def test_what_cannot_be_read_is_an_error_in_words(self, written, text):
        with pytest.raises(KubeconfigError) as caught:
            find_entry("", written(text), {})
        assert caught.value.hint and "config" in str(caught.value)

    @settings(max_examples=150)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.text(max_size=8) | st.integers(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            *("users", "user", "name", "exec", "args", "command", "env", "value"),
                            *("contexts", "context", "clusters", "cluster", "server"),
                            *("current-context", "auth-provider", "config", "<<"),
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=25,
        )
    )
    def test_any_document_is_read_or_refused_in_words(self, tmp_path_factory, document):
        path = tmp_path_factory.getbasetemp() / "wild"
        path.write_text(json.dumps(document))
        try:
            find_entry("prod", path, {})
        except KubeauthError as error:
            assert error.hint


class TestFromEnviron:
    @pytest.mark.parametrize(
        ("environ", "kind"),
        [
            ({"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}, ServicePrincipal),
            ({"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_CERTIFICATE_PATH": "p"}, ServicePrincipal),
            ({"AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "f"}, WorkloadIdentity),
            (
                {
                    "AZURE_CLIENT_ID": "c",
                    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://u",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
                },
                WorkloadIdentity,
            ),
            (
                {
                    "SYSTEM_OIDCREQUESTURI": "https://u",
                    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "s",
                    "AZURESUBSCRIPTION_CLIENT_ID": "c",
                },
                AzurePipelines,
            ),
            ({"AZURE_CLIENT_ID": "c", "AZURE_USERNAME": "u", "AZURE_PASSWORD": "p"}, Password),
            ({"IDENTITY_ENDPOINT": "http://x"}, ManagedIdentity),
            ({"AAD_LOGIN_METHOD": "azurecli", "AZURE_CLIENT_ID": "c"}, AzureCli),
        ],
    )
    def test_variables_decide(self, system, environ, kind):
        provider = from_environ(system=system(AZURE_TENANT_ID="t", **environ))
        assert type(provider) is kind and SERVER in repr(provider)

    def test_code_wins(self, system):
        known = system(AAD_LOGIN_METHOD="spn")
        provider = from_environ(login="msi", server_id="other", system=known)
        assert type(provider) is ManagedIdentity and "other" in repr(provider)

    @pytest.mark.parametrize(
        ("written", "options", "authority"),
        [
            ("https://login.microsoftonline.us/", {}, "https://login.microsoftonline.us/"),
            ("login.partner.microsoftonline.cn", {}, "https://login.partner.microsoftonline.cn"),
            (
                "login.microsoftonline.us",
                {"environment": "AzureChinaCloud"},
                None,
            ),
            ("https://a.example", {"authority_host": "https://b.example"}, "https://b.example"),
        ],
    )
    def test_the_authority_counts_for_a_service_principal(
        self, system, written, options, authority
    ):
        variables = {f"AZURE_{n}": "x" for n in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")}
        known = system(AZURE_AUTHORITY_HOST=written, **variables)
        shown = repr(from_environ(system=known, **options))
        assert (f"authority_host={authority!r}" in shown) if authority else written not in shown

    def test_variables_that_decide_nothing(self, system):
        with pytest.raises(SettingsError, match="does not say how") as caught:
            from_environ(system=system(AZURE_CLIENT_SECRET=""))
        assert "AZURE_CLIENT_ID" in caught.value.hint


def test_from_settings(system):
    provider = from_settings(
        Settings(login="devicecode", server_id="s", tenant_id="t", client_id="c"),
        show=print,
        system=system(),
    )
    assert type(provider) is DeviceCode


class Member(Credential):
    """A credential that gives a token or fails, and counts how often it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def token(self):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return AccessToken(self.answer, int(time.time()) + 3600)

    def renewed(self, rejected, *, worked=False):
        return AccessToken(rejected.token + "+", rejected.expires_on)

    def for_scope(self, scope, *, tenant_id="", claims=""):
        return Member(f"{self.answer} for {scope}")


class TestChain:
    def test_the_first_that_can_is_taken_and_kept(self):
        absent, present, spare = Member(SignInError("no", hint="h")), Member("two"), Member("three")
        chain = Chain(absent, present, spare)
        assert chain.chosen is None
        assert [chain.get_token().token for _ in range(3)] == ["two"] * 3
        assert (absent.asked, present.asked, spare.asked) == (1, 3, 0)
        assert chain.chosen is present
        assert chain.renewed(chain.get_token()).token == "two+"
        assert chain.get_token("x").token == "two for x"

    def test_a_member_that_cannot_be_made_is_passed_over(self, system):
        chain = Chain(lambda: from_environ(system=system()), Member("two"))
        assert chain.get_token("y").token == "two for y"
        assert chain.get_token().token == "two"

    def test_a_chosen_member_that_fails_later_is_not_replaced(self):
        first, second = Member("one"), Member("two")
        chain = Chain(first, second)
        chain.get_token()
        first.answer = SignInError("broken", hint="h")
        with pytest.raises(SignInError, match="broken"):
            chain.get_token()
        assert second.asked == 0

    @pytest.mark.parametrize(
        "error",
        [
            SignInRefused("wrong secret", hint="h", code="AADSTS7000215"),
            SignInCancelled("declined", hint="h"),
        ],
    )
    def test_a_refusal_is_no_reason_to_be_somebody_else(self, error):
        spare = Member("spare")
        with pytest.raises(type(error)):
            Chain(Member(error), spare).get_token()
        assert spare.asked == 0

    def test_nobody_can(self):
        refused = SignInRefused("no such identity", hint="h", code="invalid_request")
        with pytest.raises(
            SignInError, match=r"none of the 2 credentials.*no such identity.*no az"
        ) as caught:
            Chain(Member(refused), Member(SignInError("no az", hint="h"))).get_token()
        assert caught.value.hint
        with pytest.raises(SettingsError):
            Chain()

    def test_many_threads_choose_once(self):
        member = Member("one")
        slow = threading.Event()

        def made():
            slow.wait(0.05)
            return member

        chain = Chain(made)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: chain.get_token().token, range(8))) == {"one"}
        assert "made" in repr(chain)
