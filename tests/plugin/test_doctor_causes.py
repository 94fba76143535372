"""`kubeauth doctor` tells causes apart that look alike, by what the token and the servers show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from doctoring import Stage
from harness import BIN, Program, approving, install_program, not_on_windows
from plugin.test_login_proxy import Proxy

from kubeauth.testing import AKS_CLIENT_ID, Application, Fault, Simulator

AKS_HOST = "prod-dns-1.hcp.westeurope.azmk8s.io"

pytestmark = [pytest.mark.process, not_on_windows("paths and programs of Unix")]


@pytest.fixture
def stage(program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]) -> Stage:
    made = Stage(program, sim, app, spn)
    made.write()
    return made


def plain_http(stage: Stage) -> None:
    stage.change_cluster(server=stage.sim.cluster.server.replace("https", "http"))


def no_interactive_mode(stage: Stage) -> None:
    stage.change_user(apiVersion="client.authentication.k8s.io/v1", interactiveMode=None)


def unknown_interactive_mode(stage: Stage) -> None:
    stage.change_user(interactiveMode="Sometimes")


def nobody_may_be_asked(stage: Stage) -> None:
    identity = ("--tenant-id", stage.sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    stage.login("-l", "devicecode", *identity, block={"interactiveMode": "Never"})


def no_command_word(stage: Stage) -> None:
    stage.change_user(args=["--login", "spn", "--server-id", "x", *stage.spn[2:]])


def unknown_argument(stage: Stage) -> None:
    stage.write("--no-such-flag")


def token_beside(stage: Stage) -> None:
    stage.change(lambda content: content["users"][0]["user"].update(token="static"))


def no_identity_endpoint(stage: Stage) -> None:
    stage.login("-l", "msi")
    stage.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:9"


def variable_names_another_tenant(stage: Stage) -> None:
    stage.environ["AZURE_TENANT_ID"] = "00000000-0000-4000-8000-00000000beef"


def variable_names_a_login_without_its_program(stage: Stage) -> None:
    stage.environ["AAD_LOGIN_METHOD"] = "azurecli"


def server_id_that_no_tenant_knows(stage: Stage) -> None:
    stage.write("--server-id", "00000000-0000-4000-8000-00000000bbbb")


def audience_with_spn(stage: Stage) -> None:
    stage.write("--legacy")


def certificate_for_another_name(stage: Stage) -> None:
    stage.change_cluster(tls_server_name="other.example")


def useless_proxy_of_the_cluster(stage: Stage) -> None:
    stage.change_cluster(proxy_url="http://127.0.0.1:9")


def useless_proxy(stage: Stage) -> None:
    stage.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"


# The set-up, words of its problem, words of the line that mends it.
MENDED: list[tuple[Callable[[Stage], None], str, str]] = [
    (plain_http, "does not begin with https://", "kubectl config set-cluster c"),
    (no_interactive_mode, "without interactiveMode", "--exec-api-version v1"),
    (unknown_interactive_mode, "'Sometimes'", "--exec-interactive-mode=IfAvailable"),
    (nobody_may_be_asked, "asks a person", "--exec-interactive-mode=IfAvailable"),
    (no_command_word, "lack get-token", "kubeauth convert-kubeconfig"),
    (token_beside, "a static token, which wins", "kubectl config unset users.u.token"),
    (no_identity_endpoint, "cannot be reached at 127.0.0.1:9", "--login devicecode --client-id"),
    (variable_names_another_tenant, "there is no tenant", "unset AZURE_TENANT_ID"),
    (variable_names_a_login_without_its_program, "not on PATH", "unset AAD_LOGIN_METHOD"),
    (server_id_that_no_tenant_knows, "AADSTS500011", "--server-id 6dae42f8"),
    (audience_with_spn, "the token is for spn:", "--legacy false"),
    (certificate_for_another_name, "not for other.example", "unset clusters.c.tls-server-name"),
    (useless_proxy_of_the_cluster, "through the proxy", "unset clusters.c.proxy-url"),
    (useless_proxy, "through the proxy", "unset HTTPS_PROXY"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "problem", "line"), MENDED, ids=[case[0].__name__ for case in MENDED]
)
def test_the_line_mends_the_cause(
    stage: Stage, break_it: Callable[[Stage], None], problem: str, line: str
) -> None:
    break_it(stage)
    found = stage.doctor()["findings"]
    named = [each for each in found if problem in each["problem"] and line in each["next"]]
    assert named, found
    left = stage.follow(named[0]["next"])
    assert not [each for each in left if each["problem"] == named[0]["problem"]], left


def only(stage: Stage, *args: str) -> dict[str, str]:
    found: list[dict[str, str]] = stage.doctor(*args)["findings"]
    assert len(found) == 1, found
    return found[0]


def seen(stage: Stage, *args: str) -> dict[str, str]:
    return {row["subject"]: row["text"] for row in stage.doctor(*args)["seen"]}


def test_an_unknown_argument_is_named_without_its_value(stage: Stage) -> None:
    stage.write("--no-such-flag=a-secret-value")
    found = only(stage)
    assert "--no-such-flag" in found["problem"] and "a-secret-value" not in str(found)


class TestUnauthorized:
    def test_version_2_names_both_issuers_and_the_audience(self, stage: Stage) -> None:
        server = stage.sim.tenant.add_application("own server")
        server.token_version = 2
        stage.sim.cluster.server_id = server.client_id
        stage.write("--server-id", server.client_id)
        problem = only(stage)["problem"]
        assert "has version 2" in problem and server.client_id in problem
        assert f"https://sts.windows.net/{stage.sim.tenant.id}/" in problem

    def test_a_version_2_token_for_the_wrong_server_is_not_blamed_for_its_version(
        self, stage: Stage
    ) -> None:
        server = stage.sim.tenant.add_application("another server")
        server.token_version = 2
        stage.write("--server-id", server.client_id)
        assert "the server accepts one for 6dae42f8" in only(stage)["problem"]

    def test_what_is_left_on_a_server_of_ones_own(self, stage: Stage) -> None:
        one, other = (stage.sim.tenant.add_application(name) for name in ("one", "other"))
        stage.sim.cluster.server_id = other.client_id
        stage.write("--server-id", one.client_id)
        found = only(stage)
        assert "another tenant" in found["problem"] and "or another audience" in found["problem"]
        assert found["next"] == "kubeauth token --context prod --decode"
        assert one.client_id in stage.program("token", "--context", "prod", "--decode").stdout

    def test_a_clock_that_is_off_is_the_only_finding(self, stage: Stage) -> None:
        stage.signed_in()
        stage.sim.advance(3 * 3600)
        assert only(stage)["subject"] == "clock"

    def test_an_application_in_too_many_groups(self, stage: Stage) -> None:
        # No new token is accepted either.
        stage.sim.cluster.server_id = "another"
        stage.app.groups = tuple(f"group-{number}" for number in range(201))
        assert "more than 200 groups" in only(stage)["problem"]

    def test_the_proof_names_another_cluster(self, stage: Stage) -> None:
        stage.sim.cluster.require_pop = True
        stage.write("--pop-enabled", "--pop-claims", "u=/another/cluster")
        assert "u=/another/cluster" in only(stage)["problem"]
        stage.write("--pop-enabled", "--pop-claims", f"u={stage.sim.cluster.resource_id}")
        assert stage.doctor()["findings"] == []

    def test_a_password_can_try_a_new_token(self, stage: Stage) -> None:
        dana = stage.sim.tenant.add_user("dana@contoso.example", "pass-word")
        client = stage.sim.tenant.add_application("person", public=True).client_id
        flags = ("--username", dana.upn, "--password", "pass-word", "--client-id", client)
        stage.login("-l", "ropc", *flags, "--tenant-id", stage.sim.tenant.id)
        stage.signed_in()
        stage.sim.revoke_tokens()
        assert "was revoked" in only(stage)["problem"]

    def test_a_persons_cached_token_is_told_apart_by_their_sign_in(self, stage: Stage) -> None:
        dana = stage.sim.tenant.add_user("dana@contoso.example")
        identity = ("--tenant-id", stage.sim.tenant.id, "--client-id", AKS_CLIENT_ID)
        stage.login("-l", "devicecode", *identity, "--cache-storage", "file")
        with approving(stage.sim, dana):
            assert stage.program("login").code == 0
            stage.sim.revoke_tokens()
            found = only(stage)
            assert "a new sign-in tells which" in found["problem"]
            assert found["next"] == "kubeauth doctor --context prod --sign-in"
            assert "a new one is accepted" in only(stage, "--sign-in")["problem"]
        assert stage.doctor()["findings"] == []


class TestTokenFiles:
    def write(self, stage: Stage, text: str) -> None:
        (stage.program.home / ".kube/t").write_text(text)
        stage.write(users=[{"name": "u", "user": {"tokenFile": "t"}}])

    def test_a_good_one(self, stage: Stage) -> None:
        self.write(stage, stage.program("token").stdout)
        assert stage.doctor()["findings"] == []
        assert "you are" in seen(stage)["API server"]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is empty"),
            ("no token", "is no JWT"),
            (jwt.encode({"exp": int(time.time()) - 100}, "k" * 32), "expired on"),
        ],
        ids=["empty", "no token", "expired"],
    )
    def test_a_bad_one(self, stage: Stage, text: str, words: str) -> None:
        self.write(stage, text)
        assert words in only(stage)["problem"]

    def test_one_that_is_not_there(self, stage: Stage) -> None:
        stage.write(users=[{"name": "u", "user": {"tokenFile": "gone"}}])
        assert "No such file" in only(stage)["problem"]

    def test_undo_has_kubectl_sign_in_again(self, stage: Stage) -> None:
        assert stage.program("convert-kubeconfig", "--to", "token-file").code == 0
        found = only(stage)
        assert found["next"] == "kubeauth convert-kubeconfig --context prod --undo"
        assert stage.follow(found["next"]) == []


class TestForbidden:
    def test_it_asks_for_the_namespace_of_the_context(self, stage: Stage) -> None:
        stage.change(lambda content: content["contexts"][0]["context"].update(namespace="team-a"))
        stage.sim.cluster.forbid("list", "pods")
        found = only(stage)
        assert "may not list pods in namespace team-a" in found["problem"]
        assert "it has rights there to nodes" in found["problem"]
        assert found["next"].startswith("kubectl create rolebinding")
        assert "--namespace team-a" in found["next"] and "--clusterrole=view" in found["next"]

    def test_who_may_list_pods_has_no_finding(self, stage: Stage) -> None:
        stage.sim.cluster.forbid("list", "nodes")
        assert stage.doctor()["findings"] == []
        assert seen(stage)["permissions"].endswith("may list pods, may not list nodes")

    def test_azure_rbac_is_told_by_the_servers_reason(self, stage: Stage) -> None:
        reason = "User does not have access to the resource in Azure."
        answer = {"kind": "SelfSubjectAccessReview", "status": {"allowed": False, "reason": reason}}
        stage.sim.faults.add(
            Fault(path="selfsubjectaccessreviews", body=json.dumps(answer).encode(), times=None)
        )
        found = only(stage)
        assert "Azure RBAC decides here" in found["problem"]
        assert found["next"].startswith("az role assignment create --assignee")


class TestAnAksCluster:
    """Seen through a proxy, since no test can have such a name."""

    @pytest.fixture
    def aks(self, stage: Stage) -> Iterator[Stage]:
        proxy = Proxy()
        proxy.elsewhere[AKS_HOST] = "localhost"
        server = f"https://{AKS_HOST}:{stage.sim.cluster.server.rpartition(':')[2]}"
        place = {"server": server, "tls-server-name": "localhost", "proxy-url": proxy.url}
        stage.write(cluster=place)
        yield stage
        proxy.close()

    def test_only_the_tenant_is_left(self, aks: Stage) -> None:
        aks.sim.cluster.server_id = "another"
        found = only(aks)
        assert f"another tenant than {aks.sim.tenant.id}" in found["problem"]
        assert AKS_HOST in found["next"] and "aadProfile.tenantID" in found["next"]

    def test_the_names_of_the_cluster_stand_in_the_line(self, aks: Stage) -> None:
        def azure_names(content: dict[str, Any]) -> None:
            content["users"][0]["name"] = "clusterUser_shop_c"
            content["contexts"][0]["context"]["user"] = "clusterUser_shop_c"
            content["users"][0]["user"] = {}

        aks.change(azure_names)
        line = only(aks)["next"]
        assert line == "kubeauth get-credentials -g shop -n c --overwrite-existing"


def test_the_flags_alone_can_be_examined(stage: Stage) -> None:
    server = ("--server-id", stage.sim.cluster.server_id, "--disable-instance-discovery")
    found = stage.doctor(*stage.spn, *server, "--authority-host", stage.sim.authority)
    assert found["findings"] == []
    assert "Entra ID issued a new one" in str(found["seen"])


def test_flags_win_over_the_context(stage: Stage) -> None:
    found = only(stage, "--context", "prod", "--client-secret", "wrong")
    assert "AADSTS7000215" in found["problem"]


def test_a_secret_that_is_a_word_does_not_blank_doctors_own_sentences(stage: Stage) -> None:
    stage.write("--client-secret", "secret")
    assert only(stage)["next"].startswith("the secret is wrong: check --client-secret")


def test_a_tenant_that_is_no_word_is_one_finding(stage: Stage) -> None:
    stage.environ["AZURE_TENANT_ID"] = "a b"
    assert "it came from AZURE_TENANT_ID" in only(stage)["next"]


def test_the_variable_that_sets_a_wrong_value_is_named(stage: Stage) -> None:
    stage.environ["AZURE_CLIENT_ID"] = "00000000-0000-4000-8000-00000000dead"
    assert "AZURE_CLIENT_ID sets --client-id here" in only(stage)["next"]


def test_settings_are_seen_with_their_origins(stage: Stage) -> None:
    rows = seen(stage)
    assert rows["login"] == "spn (--login in the kubeconfig)"
    assert rows["client-secret"] == "(hidden) (--client-secret in the kubeconfig)"
    assert rows["kubectl"] and rows["command"].endswith(": this kubeauth)")


def test_of_two_files_with_one_context_the_first_counts(stage: Stage) -> None:
    second = stage.program.home / "second"
    second.write_text((stage.program.home / ".kube/config").read_text())
    stage.environ["KUBECONFIG"] = f"{stage.program.home}/.kube/config:{second}"
    text = seen(stage)["context"]
    assert text.endswith("~/second has one of that name, too, which does not count")


def test_az_is_seen_with_its_version_and_account(stage: Stage) -> None:
    folder = stage.program.home / "programs"
    install_program(folder, "az", 'print(\'{"azure-cli": "2.91.0"}\')')
    account = {"id": "s", "name": "s", "tenantId": "t", "isDefault": True}
    profile = {"subscriptions": [{**account, "user": {"name": "dana@contoso.example"}}]}
    (stage.program.home / ".azure").mkdir()
    (stage.program.home / ".azure/azureProfile.json").write_text(json.dumps(profile))
    stage.environ["PATH"] = f"{BIN}:{folder}:/usr/bin:/bin"
    stage.login("-l", "azurecli")
    rows = seen(stage)
    assert rows["az"].startswith("2.91.0") and rows["az account"].startswith("dana@contoso.example")


class TestFromKubelogin:
    def users(self, stage: Stage, **users: list[str]) -> None:
        content = stage.config()
        entry = content["users"][0]["user"]["exec"]
        content["users"] = [
            {"name": name, "user": {"exec": {**entry, "command": "kubelogin", "args": args}}}
            for name, args in users.items()
        ]
        content["contexts"] = [
            {"name": name, "context": {"cluster": "c", "user": name}} for name in users
        ]
        content["current-context"] = next(iter(users))
        (stage.program.home / ".kube/config").write_text(json.dumps(content))

    def rows(self, stage: Stage, *args: str) -> list[tuple[str, str]]:
        seen = stage.doctor("--from-kubelogin", *args)["seen"]
        return [(row["subject"], row["text"]) for row in seen if row["subject"].startswith("would")]

    def test_each_user_has_its_own_lines(self, stage: Stage) -> None:
        person = ["get-token", "-l", "devicecode", "--server-id", "x", "--client-id", "one"]
        self.users(
            stage,
            dana=[*person, "--tenant-id", "t1", "--timeout", "30s"],
            kim=[*person, "--tenant-id", "t2"],
            node=["get-token", "-l", "msi", "--server-id", "x"],
        )
        before = (stage.program.home / ".kube/config").read_bytes()
        rows = self.rows(stage)
        mended = [text for subject, text in rows if subject == "would mend"]
        assert any(text.startswith("dana: ") and "kim" in text for text in mended)
        assert any(text.startswith("dana: --timeout 30s ends kubelogin") for text in mended)
        assert not any(text.startswith("kim: --timeout") for text in mended)
        assert any(text.startswith("node: kubelogin signs in with msi") for text in mended)
        assert (stage.program.home / ".kube/config").read_bytes() == before

    def test_one_context_alone(self, stage: Stage) -> None:
        msi = ["get-token", "-l", "msi", "--server-id", "x"]
        self.users(stage, one=msi, other=msi)
        assert not any("other" in text for _, text in self.rows(stage, "--context", "one"))

    def test_a_variable_that_wins_in_kubelogin(self, stage: Stage) -> None:
        identity = ("--client-id", "one", "--tenant-id", "t1")
        self.users(stage, dana=["get-token", "-l", "devicecode", "--server-id", "x", *identity])
        stage.environ["AZURE_CLIENT_ID"] = "00000000-0000-4000-8000-00000000cccc"
        assert any("AZURE_CLIENT_ID replaces --client-id" in text for _, text in self.rows(stage))

    def test_users_of_kubeauth_need_nothing(self, stage: Stage) -> None:
        assert ("from kubelogin", "every user signs in with kubeauth already") in seen(
            stage, "--from-kubelogin"
        ).items()
