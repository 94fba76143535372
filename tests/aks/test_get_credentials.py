"""``kubeauth get-credentials``: from a cluster's name to nodes, and every sentence on the way."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import threading

import pytest
import yaml
from aks.terminal import run_at_terminal
from harness import approving

from kubeauth.testing import AKS_CLIENT_ID, Fault
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

pytestmark = pytest.mark.process

LIST = "/listClusterUserCredential"
OTHER = """\
apiVersion: v1
clusters: [{cluster: {server: 'https://other.example'}, name: other}]
contexts: [{context: {cluster: other, user: other, namespace: mine}, name: other}]
current-context: other
kind: Config
preferences: {}
users: [{name: other, user: {token: abc}}]
"""


@pytest.fixture
def prod(arm):
    return arm.add_cluster("shop", "prod")


def kubectl(program, *args):
    command = shutil.which("kubectl")
    assert command
    run = [command, *args, "get", "nodes", "-o", "name"]
    done = subprocess.run(run, env=program.environ, capture_output=True, text=True)
    return done.stdout.split(), done.stderr


class TestTheWayToNodes:
    def test_one_command_then_kubectl(self, fetch, program, prod, config):
        ran = fetch()
        assert ran.code == 0 and ran.stderr == ""
        found = re.fullmatch(
            r"context prod: (https://localhost:\d+), signed in as [0-9a-f-]+ until "
            r"\d{4}-\d\d-\d\d \d\d:\d\d \w+; next: (kubectl get nodes)\n",
            ran.stdout,
        )
        assert found, ran.stdout
        assert kubectl(program)[0] == ["node/node-0", "node/node-1"]
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        assert not list(config.parent.glob("*.lock"))

    def test_a_person_with_a_code(self, program, prod, sim, cloud, config):
        anna = sim.tenant.add_user("anna@contoso.example")
        with approving(sim, anna):
            ran = program("get-credentials", "-g", "shop", "-n", "prod", "-l", "devicecode", *cloud)
        assert "signed in as anna@contoso.example until" in ran.stdout
        args = yaml.safe_load(config.read_text())["users"][0]["user"]["exec"]["args"]
        assert args[:3] == ["get-token", "--login", "devicecode"]
        assert args[args.index("--tenant-id") + 1] == sim.tenant.id
        # They have signed in once for both.
        assert kubectl(program)[0] == ["node/node-0", "node/node-1"]
        assert sim.requests.count(path="/devicecode") == 1

    def test_a_person_in_the_browser_without_any_flag(self, program, prod, sim, arm, cloud):
        anna = sim.tenant.add_user("anna@contoso.example")
        program.environ["BROWSER"] = sim.browser_command(anna)
        ran = run_at_terminal(program, ["get-credentials", "-g", "shop", "-n", "prod", *cloud])
        assert "signed in as anna@contoso.example until" in ran
        assert kubectl(program)[0] == ["node/node-0", "node/node-1"]

    def test_variables_of_an_application_do_not_concern_a_person(
        self, program, prod, sim, app, cloud
    ):
        run = ("get-credentials", "-g", "shop", "-n", "prod", "-l", "devicecode", *cloud)
        with approving(sim, sim.tenant.add_user("anna@contoso.example")):
            ran = program(*run, AZURE_CLIENT_ID=app.client_id, AZURE_TENANT_ID=sim.tenant.id)
        assert "signed in as anna@contoso.example" in ran.stdout

    def test_another_person_needs_a_sign_in_of_their_own(self, program, prod, sim, cloud):
        run = ("get-credentials", "-g", "shop", "-n", "prod", "-l", "devicecode", *cloud)
        for name in ("anna", "ben"):
            user = sim.tenant.add_user(f"{name}@contoso.example")
            with approving(sim, user):
                ran = program(*run, "--login-hint", user.upn, "--overwrite-existing")
            assert f"signed in as {user.upn}" in ran.stdout
        assert sim.requests.count(path="/devicecode") == 2

    def test_a_cluster_with_a_server_application_of_its_own(
        self, program, prod, sim, cloud, config
    ):
        sim.cluster.server_id = sim.tenant.add_application("server").client_id
        with approving(sim, sim.tenant.add_user("anna@contoso.example")):
            program("get-credentials", "-g", "shop", "-n", "prod", "-l", "devicecode", *cloud)
        assert AKS_CLIENT_ID in config.read_text()

    def test_the_account_of_the_azure_cli_is_the_default(
        self, program, prod, sim, arm, tmp_path, config
    ):
        anna = sim.tenant.add_user("anna@contoso.example", "her-password")
        install_azure_cli(tmp_path, sim, anna)
        sign_in(program.home / ".azure", anna)
        program.environ["PATH"] = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
        ran = program("get-credentials", "-g", "shop", "-n", "prod", "--resource-manager", arm.url)
        assert "signed in as anna@contoso.example" in ran.stdout, ran.stderr
        assert "azurecli" in config.read_text()
        # The profile names the subscription, so none is listed.
        assert "/subscriptions" not in [each.path for each in sim.requests]
        assert kubectl(program)[0] == ["node/node-0", "node/node-1"]

    def test_the_identity_of_the_machine(self, program, prod, sim, arm):
        sim.add_managed_identity(system_assigned=True)
        run = ("get-credentials", "-g", "shop", "-n", "prod", "-l", "msi")
        ran = program(*run, "--resource-manager", arm.url)
        assert ran.code == 0, ran.stderr
        assert kubectl(program)[0] == ["node/node-0", "node/node-1"]

    def test_nobody_there(self, program, prod, cloud):
        ran = program("get-credentials", "-g", "shop", "-n", "prod", *cloud, limit=10)
        assert ran.code == 5
        assert "login auto: a person must sign in to Azure Resource Manager" in ran.error

    def test_as_json(self, fetch, prod, config, sim):
        told = json.loads(fetch("-o", "json").stdout)
        assert told["context"] == told["cluster"] == "prod"
        assert told["user"] == "clusterUser_shop_prod"
        assert (told["server"], told["login"]) == (sim.cluster.server, "spn")
        assert told["file"] == str(config)
        assert told["next"] == "kubectl get nodes"
        assert re.match(r"\d{4}-\d\d-\d\dT", told["until"])

    def test_an_azure_stack_cloud_is_described_by_its_file(
        self, program, prod, sim, arm, as_app, tmp_path
    ):
        described = {"activeDirectoryEndpoint": sim.authority, "resourceManagerEndpoint": arm.url}
        file = tmp_path / "stack.json"
        file.write_text(json.dumps(described))
        flags = ("--environment", "AzureStackCloud", "--disable-instance-discovery")
        ran = program(
            *("get-credentials", "-g", "shop", "-n", "prod", *as_app, *flags),
            AZURE_ENVIRONMENT_FILEPATH=str(file),
        )
        assert ran.code == 0, ran.stderr

    def test_the_log_has_no_secret(self, fetch, prod, app):
        ran = fetch("-v", "9")
        assert "HTTP 200" in ran.stderr
        assert "eyJ" not in ran.stderr and app.secret not in ran.stderr

    def test_flags_of_the_cluster_do_not_concern_resource_manager(self, fetch, prod, sim, config):
        assert fetch("--legacy").code == 0
        assert "--legacy" in config.read_text()
        audience = sim.requests.select(service="entra")[-1]
        assert "spn:" not in str(audience)


class TestTheFile:
    def test_what_was_there_stays(self, fetch, prod, config):
        config.parent.mkdir()
        config.write_text(OTHER)
        assert fetch().code == 0
        now = yaml.safe_load(config.read_text())
        before = yaml.safe_load(OTHER)
        assert now["current-context"] == "prod"
        for section in ("clusters", "users", "contexts"):
            assert now[section][0] == before[section][0]
            assert len(now[section]) == 2

    def test_again_changes_nothing(self, fetch, prod, config):
        fetch()
        before = config.read_bytes()
        assert fetch().code == 0
        assert config.read_bytes() == before

    def test_another_name(self, fetch, prod, config):
        assert "context mine: " in fetch("--context", "mine").stdout
        now = yaml.safe_load(config.read_text())
        assert now["current-context"] == now["clusters"][0]["name"] == "mine"
        assert now["contexts"][0]["context"] == {"cluster": "mine", "user": "clusterUser_shop_prod"}

    def test_entries_that_differ_are_kept(self, fetch, prod, config):
        fetch()
        text = config.read_text().replace("https://localhost", "https://elsewhere")
        config.write_text(text)
        ran = fetch()
        assert ran.code == 9
        assert "has other entries with these names: cluster 'prod'" in ran.error
        assert config.read_text() == text
        assert fetch("--overwrite-existing").code == 0
        assert "elsewhere" not in config.read_text()

    @pytest.mark.parametrize(("answer", "replaced"), [("y", True), ("n", False), ("", False)])
    def test_a_person_is_asked(self, fetch, program, as_app, cloud, prod, config, answer, replaced):
        fetch()
        text = config.read_text().replace("server: https://localhost", "server: https://elsewhere")
        config.write_text(text)
        run = ["get-credentials", "-g", "shop", "-n", "prod", *as_app, *cloud]
        seen = run_at_terminal(program, run, f"{answer}\n")
        assert "has another cluster called 'prod'. Replace it? [y/N]" in seen
        assert ("elsewhere" not in config.read_text()) == replaced

    def test_another_login_is_another_entry(self, fetch, prod, config, cloud):
        fetch()
        ran = fetch("--environment", "AzureChinaCloud")
        assert "user 'clusterUser_shop_prod'" in ran.error
        assert ran.stderr.endswith("to replace them, or -f FILE to keep them\n")

    def test_a_file_of_its_own(self, fetch, prod, tmp_path, config):
        file = tmp_path / "new folder" / "config"
        ran = fetch("-f", str(file))
        assert ran.stdout.endswith(f"next: kubectl --kubeconfig '{file}' get nodes\n")
        assert file.exists() and not config.exists()

    def test_to_stdout(self, fetch, prod, config):
        ran = fetch("-f", "-", "--context", "mine")
        assert yaml.safe_load(ran.stdout)["current-context"] == "mine"
        assert ran.stderr.startswith("context mine: ")
        assert not config.exists()

    def test_the_first_file_of_kubeconfig(self, fetch, prod, tmp_path):
        first, second = tmp_path / "first", tmp_path / "second"
        second.write_text(OTHER)
        assert fetch(KUBECONFIG=f"{first}{os.pathsep}{second}").code == 0
        assert "clusterUser_shop_prod" in first.read_text()
        assert second.read_text() == OTHER

    def test_comments_are_kept_in_a_copy(self, fetch, prod, config, program):
        config.parent.mkdir()
        text = f"# mine\n{OTHER}"
        config.write_text(text)
        config.chmod(0o600)
        ran = fetch()
        assert "its comments are gone" in ran.stderr and ran.code == 0
        assert program("convert-kubeconfig", "--undo").code == 0
        assert config.read_text() == text

    def test_a_file_that_others_may_read(self, fetch, prod, config):
        config.parent.mkdir()
        config.write_text(OTHER)
        config.chmod(0o644)
        assert "has mode 644, so others may read it: chmod 600" in fetch().stderr
        assert stat.S_IMODE(config.stat().st_mode) == 0o644

    @pytest.mark.parametrize(
        "text",
        ["[]", "a: [", "clusters: 1", "users: [1]", "\t", "a: 1\n--- b", "{[a]: b}", "a: &a [*a]"],
    )
    def test_a_file_that_is_no_kubeconfig(self, fetch, prod, config, text):
        config.parent.mkdir()
        config.write_text(text)
        ran = fetch()
        assert ran.code == 9 and str(config) in ran.error
        assert config.read_text() == text

    def test_a_file_that_is_too_deep(self, fetch, prod, config):
        config.parent.mkdir()
        config.write_text(f"{OTHER}x: {'[' * 400}{']' * 400}\n")
        assert fetch().code == 9

    def test_a_folder_that_cannot_be_written(self, fetch, prod, program):
        (program.home / "file").write_text("")
        ran = fetch("-f", str(program.home / "file" / "config"))
        assert ran.code == 9 and "cannot be written" in ran.error

    def test_a_read_only_folder(self, fetch, prod, program, config):
        config.parent.mkdir(mode=0o500)
        ran = fetch()
        config.parent.chmod(0o700)
        if os.geteuid():  # root may write everywhere
            assert ran.code == 9 and "cannot be written" in ran.error

    def test_a_link_is_followed(self, fetch, prod, config, tmp_path):
        config.parent.mkdir()
        config.symlink_to(tmp_path / "real")
        assert fetch().code == 0
        assert config.is_symlink() and "prod" in (tmp_path / "real").read_text()

    def test_a_lock_of_kubectl_is_waited_for(self, fetch, prod, config):
        config.parent.mkdir()
        lock = config.parent / "config.lock"
        lock.touch()
        threading.Timer(1, lock.unlink).start()
        assert fetch().code == 0

    def test_no_file_is_left_by_a_failure(self, fetch, arm, config):
        arm.add_cluster("shop", "prod", users=())
        fetch()
        assert not config.exists()

    def test_many_at_once(self, arm, program, as_app, cloud, config):
        names = [f"c{number}" for number in range(8)]
        for name in names:
            arm.add_cluster("shop", name)
        run = [*program.command, "get-credentials", "-g", "shop", *as_app, *cloud, "-n"]
        started = [
            subprocess.Popen(
                [*run, name], env=program.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for name in names
        ]
        assert [each.communicate(timeout=60)[1] for each in started] == [b""] * len(names)
        now = yaml.safe_load(config.read_text())
        assert sorted(each["name"] for each in now["contexts"]) == names


class TestClustersWithASentence:
    def test_local_accounts_only(self, fetch, arm, sim, config):
        arm.add_cluster("shop", "prod", entra=False)
        ran = fetch()
        assert ran.code == 2 and "has local accounts only" in ran.error
        assert "az aks update -g shop -n prod --enable-aad" in ran.stderr
        # The administrator's certificate is not even asked for.
        assert sim.requests.count(service="arm", path=LIST) == 0
        assert not config.exists()

    def test_local_accounts_only_without_the_right_to_look(self, fetch, arm, config):
        arm.add_cluster("shop", "prod", entra=False, readers=())
        assert "has local accounts only" in fetch().error
        assert not config.exists()

    def test_the_roles_for_credentials_need_not_read(self, fetch, arm):
        arm.add_cluster("shop", "prod", readers=())
        assert fetch().code == 0

    def test_stopped(self, fetch, arm):
        arm.add_cluster("shop", "prod", running=False)
        ran = fetch()
        assert "is stopped, so kubectl cannot reach it; start it: `az aks start" in ran.stderr
        assert ran.stdout.endswith("next: az aks start -g shop -n prod\n")

    def test_private(self, fetch, arm):
        arm.add_cluster("shop", "prod", private=True)
        ran = fetch()
        assert ran.code == 0
        assert "reaches it only from its virtual network, a peered one or a VPN" in ran.stderr

    def test_a_public_name(self, fetch, arm, sim):
        arm.add_cluster("shop", "prod", private=True, public_fqdn=True)
        assert fetch("--public-fqdn").code == 0
        sent = sim.requests.select(service="arm", path=LIST)[-1]
        assert sent.query["server-fqdn"] == "public"

    def test_a_public_name_that_is_not_there(self, fetch, arm):
        arm.add_cluster("shop", "prod", private=True)
        ran = fetch("--public-fqdn")
        assert ran.code == 4 and "Public FQDN is not enabled" in ran.error

    def test_connected_by_arc(self, fetch, arm):
        arm.add_connected_cluster("shop", "prod")
        ran = fetch()
        assert ran.code == 2 and "tokens with a proof of possession" in ran.error
        assert "az connectedk8s proxy -g shop -n prod" in ran.stderr

    def test_no_role(self, fetch, arm, app):
        cluster = arm.add_cluster("shop", "prod", users=())
        ran = fetch()
        assert ran.code == 4 and "AuthorizationFailed" in ran.error
        role = "Azure Kubernetes Service Cluster User Role"
        assert (
            f'az role assignment create --assignee {app.object_id} --role "{role}" '
            f'--scope "{cluster.id}"'
        ) in ran.stderr

    def test_never_the_admin_credential(self, fetch, prod, sim):
        ran = fetch("--admin")
        assert ran.code == 2 and "bypasses Entra ID" in ran.error
        assert sim.requests.count(service="arm") == 0

    @pytest.mark.parametrize(
        ("asked", "hint"),
        [
            ("shop/prdo", "did you mean -g shop -n prod?"),
            ("shpo/prod", "did you mean -g shop -n prod?"),
            ("shop/zzz", "the clusters there are (group/name): shop/prod"),
            ("zzz/zzz", "the clusters there are (group/name): shop/prod"),
        ],
    )
    def test_wrong_names(self, fetch, prod, asked, hint):
        ran = fetch(cluster=asked)
        assert ran.code == 2 and "no cluster" in ran.error
        assert hint in ran.stderr

    def test_an_empty_subscription(self, fetch):
        assert "this subscription has no cluster that you may see" in fetch().stderr

    def test_no_names(self, program, cloud):
        ran = program("get-credentials", *cloud)
        assert ran.code == 2 and "-g and -n are required" in ran.error


class TestTheSubscription:
    def test_by_name_or_id(self, fetch, arm):
        other = arm.add_subscription("Other One")
        arm.add_cluster("shop", "prod", subscription=other)
        assert fetch("-s", "other one").code == 0
        assert fetch("-s", other.id.upper()).code == 0
        assert fetch(AZURE_SUBSCRIPTION_ID=other.id).code == 0

    def test_one_that_a_variable_names_may_be_the_wrong_one(self, fetch, arm, prod):
        other = arm.add_subscription("dev").id
        ran = fetch(AZURE_SUBSCRIPTION_ID=other)
        assert f"of subscription {other}, which AZURE_SUBSCRIPTION_ID names" in ran.error
        assert "name another one with -s" in ran.stderr

    def test_several_and_nobody_to_ask(self, fetch, arm, prod):
        other = arm.add_subscription("dev")
        ran = fetch()
        assert ran.code == 2
        assert f"name one of these 2: dev ({other.id}), simulated" in ran.error

    def test_the_nearest_names(self, fetch, arm, prod):
        arm.add_subscription("production west")
        ran = fetch("-s", "production wset")
        assert 'hint: did you mean "production west"?' in ran.stderr
        assert "there is no 'production wset' (from -s)" in ran.error

    def test_two_of_one_name(self, fetch, arm):
        ids = [arm.add_subscription("twin").id for _ in range(2)]
        ran = fetch("-s", "twin")
        assert "2 are called 'twin'" in ran.error
        assert all(one in ran.stderr for one in ids)

    @pytest.mark.parametrize("answer", ["1", "DEV", "9\nnonsense\ndev"])
    def test_a_person_chooses(self, fetch, program, as_app, cloud, arm, answer):
        other = arm.add_subscription("dev")
        arm.add_cluster("shop", "prod", subscription=other)
        run = ["get-credentials", "-g", "shop", "-n", "prod", *as_app, *cloud]
        seen = run_at_terminal(program, run, f"{answer}\n")
        assert re.search(rf"1 +dev +{other.id}", seen), seen
        assert "context prod: " in seen

    def test_a_person_chooses_none(self, program, as_app, cloud, arm):
        arm.add_subscription("dev")
        run = ["get-credentials", "-g", "shop", "-n", "prod", *as_app, *cloud]
        seen = run_at_terminal(program, run, "\n")
        assert "error: no subscription was chosen" in seen

    def test_none(self, fetch, arm):
        arm.subscriptions.clear()
        assert "can see none in this tenant" in fetch().error

    def test_one_that_is_not_there(self, fetch):
        ran = fetch("-s", "11111111-2222-3333-4444-555555555555")
        assert ran.code == 4 and "SubscriptionNotFound" in ran.error

    def test_of_another_tenant(self, fetch, arm, sim):
        abroad = sim.add_tenant()
        other = arm.add_subscription("abroad", tenant_id=abroad.id)
        arm.add_cluster("shop", "prod", subscription=other)
        ran = fetch("-s", other.id)
        assert f"hint: give --tenant-id {abroad.id}" in ran.stderr


class TestResourceManager:
    def test_a_moment_of_throttling(self, fetch, arm, prod):
        arm.throttle(2)
        assert fetch().code == 0

    def test_throttling_for_long(self, fetch, arm, prod):
        arm.throttle(1, retry_after="3600")
        ran = fetch()
        assert ran.code == 12 and "Throttled" in ran.error
        assert "wait 3600 seconds, then try again" in ran.stderr

    def test_a_claims_challenge_is_answered(self, fetch, arm, prod, sim):
        claims = json.dumps({"access_token": {"nbf": {"essential": True, "value": "1"}}})
        arm.challenge(claims)
        assert fetch().code == 0
        sent = [each.form.get("claims") for each in sim.requests.select(service="entra")]
        assert any(text and "nbf" in text for text in sent)

    def test_a_rejected_token_is_replaced(self, fetch, prod, app, sim, config):
        fetch()
        sim.revoke(app)
        assert fetch().code == 0

    def test_a_version_that_this_cloud_lacks(self, fetch, arm, prod):
        kind = "Microsoft.ContainerService/managedClusters"
        arm.api_versions[kind] = ("2022-01-01", "2023-01-01", "2023-06-01-preview")
        assert fetch().code == 0

    def test_an_address_that_is_none(self, program, as_app):
        run = ("get-credentials", "-g", "shop", "-n", "prod", *as_app)
        ran = program(*run, "--resource-manager", "management.azure.com")
        assert "is not an https URL" in ran.error

    @pytest.mark.parametrize(
        ("status", "body", "code", "said"),
        [
            (200, b"<html>sign in to the network", 7, "what answered is not Resource Manager"),
            (200, b"[]", 7, "what answered is not Resource Manager"),
            (302, b"", 4, "HTTP 302"),
            (400, b'{"error": {"code": "InvalidId", "message": "no"}}', 4, "InvalidId: no"),
            (503, b"busy", 7, "HTTP 503"),
        ],
    )
    def test_odd_answers(self, fetch, prod, sim, status, body, code, said):
        sim.faults.add(Fault(service="arm", status=status, body=body, times=None))
        ran = fetch()
        assert ran.code == code and said in ran.error

    @pytest.mark.parametrize(
        "body",
        [
            b'{"kubeconfigs": []}',
            b'{"kubeconfigs": null}',
            b'{"kubeconfigs": [{"value": "//79"}]}',
            b'{"kubeconfigs": [{"value": "YTogYg=="}]}',
            b'{"kubeconfigs": [{"value": "%s"}]}'
            % base64.b64encode(b"{clusters: [{}], users: [{}], contexts: [{context: {}}]}"),
        ],
    )
    def test_no_kubeconfig(self, fetch, prod, sim, config, body):
        sim.faults.add(Fault(service="arm", path=LIST, status=200, body=body, times=None))
        ran = fetch()
        assert ran.code == 7 and "answered without a kubeconfig" in ran.error
        assert not config.exists()

    def test_a_token_goes_nowhere_else(self, program, arm, as_app, cloud, sim, prod):
        page = {"value": [], "nextLink": "https://elsewhere.example/subscriptions?page=2"}
        body = json.dumps(page).encode()
        sim.faults.add(Fault(service="arm", path="/subscriptions", status=200, body=body))
        ran = program("clusters", *as_app, *cloud)
        assert ran.code == 7 and "the next page of the list is at another server" in ran.error
