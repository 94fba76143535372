"""Every login that the simulator can play, at a real API server through a real kubectl."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time

import pytest
from desk import oldest_and_newest
from e2e import person_in_chromium
from harness import approving

from kubeauth.testing import AKS_CLIENT_ID

pytestmark = pytest.mark.process

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), "")
WHOAMI_FROM = 28
LOGINS = ["spn", "msi", "workloadidentity", "azurecli"]


def names(ran):
    assert ran.code == 0, ran.stderr
    return [line.split()[0] for line in ran.stdout.splitlines()[1:]]


@pytest.mark.parametrize("login", LOGINS)
class TestLogins:
    def test_signs_in_once_and_may_what_its_role_says(self, real, desk, kubectl, prepare, login):
        desk.convert("exec", *prepare(login))
        refused = desk.kubectl(kubectl, "get", "nodes")
        assert refused.code == 1 and "Forbidden" in refused.stderr, "nobody gave it a role"
        user = refused.stderr.partition('User "')[2].partition('"')[0]
        real.bind("cluster-admin", "User", user)
        desk.sim.requests.clear()
        real.wait_for(lambda: desk.kubectl(kubectl, "get", "nodes").code == 0, 30)
        assert names(desk.kubectl(kubectl, "get", "nodes")) == ["node-0", "node-1"]
        if kubectl.minor >= WHOAMI_FROM:
            said = json.loads(desk.kubectl(kubectl, "auth", "whoami", "-o", "json").stdout)
            assert said["status"]["userInfo"]["username"] == user
            assert "system:authenticated" in said["status"]["userInfo"]["groups"]
        assert desk.signed_in_requests() == 0

    def test_is_refused_for_another_audience(self, real, desk, newest_kubectl, prepare, login):
        other = desk.sim.tenant.add_application("another API")
        desk.convert("exec", *prepare(login), "--server-id", other.client_id)
        ran = desk.kubectl(newest_kubectl, "get", "nodes")
        assert ran.code == 1 and "You must be logged in to the server" in ran.stderr

    def test_uses_version_2_where_the_server_wants_it(
        self, real, api, desk, newest_kubectl, prepare, login
    ):
        desk.convert("exec", *prepare(login), "--server-id", api.client_id)
        ran = desk.kubectl(newest_kubectl, "auth", "whoami", "-o", "json")
        assert json.loads(ran.stdout)["status"]["userInfo"]["uid"], ran.stderr


def test_heals_after_a_revocation(real, desk, newest_kubectl, prepare):
    """One command fails, as with every plugin; the next one has a new token."""
    desk.convert("exec", *prepare("spn"))
    assert "Forbidden" in desk.kubectl(newest_kubectl, "get", "nodes").stderr
    time.sleep(1.1)  # tokens have whole seconds
    real.revoke_tokens()
    unauthorized = "You must be logged in to the server"
    try:
        real.wait_for(
            lambda: unauthorized in desk.kubectl(newest_kubectl, "get", "nodes").stderr, 90
        )
        time.sleep(1.1)
        assert "Forbidden" in desk.kubectl(newest_kubectl, "get", "nodes").stderr
    finally:
        real.revoke_none()


def test_a_person_of_another_tenant_is_refused(real, desk, newest_kubectl, prepare, sim):
    other = sim.add_tenant("fabrikam.example")
    app = other.add_application("ci")
    flags = prepare("spn")
    desk.environ["AZURE_CLIENT_SECRET"] = app.secret
    desk.convert("exec", *flags, "--client-id", app.client_id, "--tenant-id", other.id)
    ran = desk.kubectl(newest_kubectl, "get", "nodes")
    assert ran.code == 1 and "You must be logged in to the server" in ran.stderr


class TestPeople:
    @pytest.fixture
    def signed_in(self, desk, authority, sim):
        """Sign a person in with a device code, as `kubeauth login` does."""

        def sign_in(user):
            flags = ("--client-id", AKS_CLIENT_ID, "--tenant-id", sim.tenant.id, *authority)
            desk.convert("exec", "--login", "devicecode", *flags)
            with approving(sim, user):
                ran = desk.program("login", "--kubeconfig", str(desk.config))
            assert ran.code == 0, ran.stderr

        return sign_in

    def test_a_group_that_has_a_role(self, real, desk, newest_kubectl, signed_in, sim):
        group = "9f0b1c2d-0000-4000-8000-000000000001"
        real.bind("cluster-admin", "Group", group)
        signed_in(sim.tenant.add_user("dana@contoso.example", "pw", [group]))
        real.wait_for(lambda: desk.kubectl(newest_kubectl, "get", "nodes").code == 0, 30)
        said = json.loads(desk.kubectl(newest_kubectl, "auth", "whoami", "-o", "json").stdout)
        assert said["status"]["userInfo"]["username"] == "dana@contoso.example"
        assert group in said["status"]["userInfo"]["groups"]

    def test_a_password(self, real, desk, newest_kubectl, authority, sim):
        user = sim.tenant.add_user("pat@contoso.example", "pw")
        desk.environ |= {"AZURE_USERNAME": user.upn, "AZURE_PASSWORD": "pw"}
        named = ("--client-id", AKS_CLIENT_ID, "--tenant-id", sim.tenant.id)
        desk.convert("exec", "--login", "ropc", *named, *authority)
        ran = desk.kubectl(newest_kubectl, "auth", "whoami", "-o", "json")
        assert ran.code == 0, ran.stderr
        assert json.loads(ran.stdout)["status"]["userInfo"]["username"] == user.upn

    @pytest.mark.parametrize("client", [pytest.param(k, id=k.name) for k in oldest_and_newest()])
    @pytest.mark.parametrize("login", ["interactive", "auto", "devicecode"])
    def test_at_a_terminal_through_kubectl(self, real, desk, client, authority, sim, login):
        """kubectl starts the plugin, the person signs in, and is not asked again."""
        user = sim.tenant.add_user(f"{login}-{client.minor}@contoso.example", "pw")
        real.bind("cluster-admin", "User", user.upn)
        desk.environ |= {"BROWSER": sim.browser_command(user), "DISPLAY": ":0"}
        named = ("--client-id", AKS_CLIENT_ID, "--tenant-id", sim.tenant.id)
        desk.convert("exec", "--login", login, *named, *authority)
        with approving(sim, user):
            first = desk.kubectl_at_terminal(client, "get", "nodes", "-o", "name")
        assert first.stdout.split() == ["node/node-0", "node/node-1"], first.stderr
        desk.sim.requests.clear()
        again = desk.kubectl(client, "get", "nodes", "-o", "name")
        assert (again.code, again.stdout) == (0, first.stdout)
        assert desk.signed_in_requests() == 0

    @pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed (Debian: chromium)")
    def test_in_chromium(self, real, desk, newest_kubectl, authority, sim, tmp_path):
        user = sim.tenant.add_user("chromium@contoso.example", "her-password")
        person = {"username": user.upn, "password": user.password, "program": CHROMIUM}
        settings = tmp_path / "person.json"
        settings.write_text(json.dumps({**person, "result": str(tmp_path / "page")}))
        command = shlex.join([sys.executable, person_in_chromium.__file__, str(settings)])
        desk.environ["BROWSER"] = f"{command} %s"
        named = ("--client-id", AKS_CLIENT_ID, "--tenant-id", sim.tenant.id)
        desk.convert("exec", "--login", "interactive", *named, *authority)
        words = ("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
        ran = desk.kubectl_at_terminal(newest_kubectl, *words)
        assert ran.stdout == user.upn, ran.stderr

    def test_too_many_groups_are_none(self, real, desk, newest_kubectl, signed_in, sim):
        """Their token names no group at all, so a role of a group does not count."""
        groups = [f"9f0b1c2d-0000-4000-8000-{number:012}" for number in range(1, 202)]
        real.bind("cluster-admin", "Group", groups[0])
        signed_in(sim.tenant.add_user("many@contoso.example", "pw", groups))
        said = json.loads(desk.kubectl(newest_kubectl, "auth", "whoami", "-o", "json").stdout)
        assert said["status"]["userInfo"]["groups"] == ["system:authenticated"]
        ran = desk.kubectl(newest_kubectl, "get", "nodes")
        assert ran.code == 1 and 'User "many@contoso.example"' in ran.stderr


def test_a_token_in_words_of_curl(real, desk, prepare, program):
    """The raw credential, sent by something that is not kubectl."""
    desk.convert("exec", *prepare("msi"))
    token = program("get-token", "--login", "msi", "--server-id", desk.sim.cluster.server_id)
    answer = real.ask("GET", "/apis", token=token.status["token"])
    assert answer.status_code == 200 and real.ask("GET", "/apis", token="x.y.z").status_code == 401
