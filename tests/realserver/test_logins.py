"""Every login that the simulator can play, at a real API server through a real kubectl."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from itertools import product

import pytest
from desk import Desk, oldest_and_newest
from e2e import person_in_chromium
from harness import Program, approving
from realserver.sign_ins import SIGN_INS

from kubeauth.testing import AKS_CLIENT_ID

pytestmark = pytest.mark.process

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), "")
WHOAMI_FROM = 28
UNAUTHORIZED = "You must be logged in to the server"


def names(ran):
    assert ran.code == 0, ran.stderr
    return [line.split()[0] for line in ran.stdout.splitlines()[1:]]


@pytest.fixture
def ready(desk, sim):
    """Make a login ready at the desk, for the cluster's tenant or another one."""
    return lambda login, tenant=None: SIGN_INS[login](desk, tenant or sim.tenant)


each_client = pytest.mark.parametrize(
    "client", [pytest.param(k, id=k.name) for k in oldest_and_newest()]
)


@pytest.mark.parametrize("login", SIGN_INS)
class TestLogins:
    @each_client
    def test_signs_in_once_and_may_what_its_role_says(self, real, desk, client, ready, login):
        account = ready(login)
        account.convert()
        refused = account.kubectl(client, "get", "nodes")
        assert refused.code == 1 and "Forbidden" in refused.stderr, refused
        assert f'User "{account.user}"' in refused.stderr, "the server knows who it is"
        real.bind("cluster-admin", "User", account.user)
        desk.sim.requests.clear()
        real.wait_for(lambda: desk.kubectl(client, "get", "nodes").code == 0, 30)
        assert names(desk.kubectl(client, "get", "nodes")) == ["node-0", "node-1"]
        if client.minor >= WHOAMI_FROM:
            said = json.loads(desk.kubectl(client, "auth", "whoami", "-o", "json").stdout)
            assert said["status"]["userInfo"]["username"] == account.user
            assert "system:authenticated" in said["status"]["userInfo"]["groups"]
        assert desk.signed_in_requests() == 0

    @each_client
    def test_is_refused_for_another_audience(self, real, desk, client, ready, login):
        other = desk.sim.tenant.add_application("another API")
        account = ready(login)
        account.convert("--server-id", other.client_id)
        _is_unauthorized(account.kubectl(client, "get", "nodes"))

    @each_client
    def test_is_refused_in_another_tenant(self, real, desk, client, ready, login):
        account = ready(login, desk.sim.add_tenant())
        account.convert()
        _is_unauthorized(account.kubectl(client, "get", "nodes"))

    def test_uses_version_2_where_the_server_wants_it(
        self, real, api, desk, newest_kubectl, ready, login
    ):
        account = ready(login)
        account.convert("--server-id", api.client_id)
        ran = account.kubectl(newest_kubectl, "auth", "whoami", "-o", "json")
        assert json.loads(ran.stdout)["status"]["userInfo"]["username"] == account.user, ran.stderr


def _is_unauthorized(ran):
    """Entra ID gave a token, and the server refused it."""
    assert ran.code == 1 and UNAUTHORIZED in ran.stderr, ran
    assert "error: getting a token" not in ran.stderr, ran


@pytest.mark.timeout(600)
def test_every_login_heals_after_a_revocation(real, sim, program, tmp_path):
    """One command fails, as with every plugin; the next one has a new token, and asks nobody.

    One revocation for all, since the server takes half a minute to hear of it.
    """
    accounts = {}
    for client, (login, kind) in product(oldest_and_newest(), SIGN_INS.items()):
        home = tmp_path / client.name / login / "home"
        home.mkdir(0o700, parents=True)
        theirs = Program(home, {**program.environ, "HOME": str(home)}, program.always)
        account = accounts[client, login] = kind(Desk(sim, theirs), sim.tenant)
        account.convert()
        ran = account.kubectl(client, "get", "nodes")
        assert f'User "{account.user}"' in ran.stderr, (login, ran)
    old = sim.mint_token(sim.tenant.add_application("of the same hour"))
    begun = time.monotonic()
    time.sleep(1.1)  # tokens have whole seconds
    real.revoke_tokens()
    try:
        real.wait_for(lambda: real.ask("GET", "/api", token=old).status_code == 401, 90)
        # A token that is younger than ten seconds is not replaced.
        time.sleep(max(1.1, begun + 11 - time.monotonic()))
        for (client, login), account in accounts.items():
            first = account.desk.kubectl(client, "get", "nodes")
            assert first.code == 1 and UNAUTHORIZED in first.stderr, (login, first)
            second = account.desk.kubectl(client, "get", "nodes")
            assert f'User "{account.user}"' in second.stderr, (login, second)
    finally:
        real.revoke_none()


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
