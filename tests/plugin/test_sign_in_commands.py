"""login, logout and cache list: what people do when kubectl is not there to ask."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from harness import Program, approving

from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator, User

pytestmark = pytest.mark.process


@pytest.fixture
def dana(sim: Simulator) -> Iterator[User]:
    """A person who approves every code at once."""
    user = sim.tenant.add_user(f"dana-{time.monotonic_ns()}@{sim.tenant.name}")
    with approving(sim, user):
        yield user


@pytest.fixture
def kubeconfig(program: Program, sim: Simulator, tmp_path: Path) -> Path:
    """Two contexts, both converted: prod (current) for a person, ci for a service principal."""
    file = tmp_path / "config"
    file.write_text(sim.kubeconfig("exec", "prod"))
    other = tmp_path / "other"
    other.write_text(sim.kubeconfig("exec", "ci"))
    program.environ["KUBECONFIG"] = f"{file}{os.pathsep}{other}"
    program.environ["KUBEAUTH_CACHE_STORAGE"] = "file"
    always = program.always[2:]
    assert program("convert-kubeconfig", "--context", "prod", *always).code == 0
    return file


@pytest.fixture
def ci(program: Program, app: Application, kubeconfig: Path) -> None:
    flags = ("--context", "ci", "-l", "spn", "--client-id", app.client_id, *program.always[2:])
    assert program("convert-kubeconfig", *flags).code == 0


class TestLogin:
    @pytest.mark.usefixtures("kubeconfig")
    def test_signs_in_for_the_current_context(
        self, program: Program, sim: Simulator, dana: User
    ) -> None:
        ran = program("login", KUBERNETES_EXEC_INFO="")
        assert ran.code == 0, ran.stderr
        assert f"signed in as {dana.upn} for context 'prod'" in ran.stdout
        assert "good until" in ran.stdout

    @pytest.mark.usefixtures("ci")
    def test_signs_in_for_a_named_context(self, program: Program, app: Application) -> None:
        ran = program("login", "--context", "ci", AZURE_CLIENT_SECRET=app.secret)
        assert f"signed in as {app.client_id} for context 'ci'" in ran.stdout, ran.stderr

    def test_signs_in_as_flags_say(
        self, program: Program, app: Application, spn: tuple[str, ...]
    ) -> None:
        ran = program("login", *program.always, *spn)
        assert f"signed in as {app.client_id};" in ran.stdout, ran.stderr

    @pytest.mark.usefixtures("kubeconfig")
    def test_names_the_contexts_there_are(self, program: Program) -> None:
        ran = program("login", "--context", "nowhere")
        assert "'nowhere'" in ran.error
        assert "ci, prod" in ran.stderr

    def test_takes_what_kubectl_takes(
        self, program: Program, app: Application, spn: tuple[str, ...], tmp_path: Path
    ) -> None:
        """Merge keys, shared parts and numbers in quotes."""
        words = json.dumps(["get-token", *program.always, *spn])
        (tmp_path / "merged").write_text(
            f"x: &x {{command: kubeauth, args: {words}}}\n"
            "contexts: [{name: '7', context: &c {user: u, cluster: ~}}, "
            "{name: b, context: {<<: *c}}]\n"
            "users: [{name: u, user: {exec: {<<: *x, env: ~}}}]\ncurrent-context: '7'\n"
        )
        for words in ((), ("--context", "b"), ("--user", "u")):
            ran = program("login", "--kubeconfig", str(tmp_path / "merged"), *words)
            assert f"signed in as {app.client_id} for" in ran.stdout, ran.stderr
        assert "removed the token" in program("logout", KUBECONFIG=str(tmp_path / "merged")).stdout

    def test_without_any_kubeconfig_says_what_to_do(self, program: Program) -> None:
        ran = program("login")
        assert "there is no kubeconfig" in ran.error
        assert "--kubeconfig" in ran.stderr and "--server-id" in ran.stderr

    @pytest.mark.usefixtures("kubeconfig", "dana")
    def test_primes_what_get_token_then_uses(self, program: Program, sim: Simulator) -> None:
        program("login")
        sim.requests.clear()
        identity = ("--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
        assert program.get_token("-l", "devicecode", *identity).status["token"]
        assert len(sim.requests) == 0


class TestLogout:
    @pytest.mark.usefixtures("ci", "dana")
    def test_forgets_one_and_keeps_the_others(
        self, program: Program, sim: Simulator, app: Application
    ) -> None:
        program("login")
        program("login", "--context", "ci", AZURE_CLIENT_SECRET=app.secret)
        ran = program("logout")
        assert "removed the token of dana" in ran.stdout, ran.stderr
        assert "removed the session" in ran.stdout
        left = json.loads(program("cache", "list", "-o", "json").stdout)
        assert [row["user"] for row in left] == [app.client_id]
        assert left[0]["renewable"], "an application signs in again by itself"

    @pytest.mark.usefixtures("kubeconfig", "dana")
    def test_nothing_of_it_is_used_afterwards(self, program: Program, sim: Simulator) -> None:
        identity = ("--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
        program("login")
        program.get_token("-l", "devicecode", *identity)
        program("logout")
        ran = program.get_token("-l", "devicecode", *identity)
        assert "kubeauth cannot ask one here" in ran.error

    @pytest.mark.usefixtures("ci", "dana")
    def test_all_of_them(self, program: Program, app: Application) -> None:
        program("login")
        program("login", "--context", "ci", AZURE_CLIENT_SECRET=app.secret)
        assert "removed 2 tokens and 1 session" in program("logout", "--all").stdout
        assert program("cache", "list").stdout == "the cache is empty\n"

    @pytest.mark.usefixtures("kubeconfig")
    def test_of_nobody(self, program: Program) -> None:
        assert program("logout").stdout == "found no token to remove\n"


class TestCacheList:
    @pytest.mark.usefixtures("kubeconfig")
    def test_tells_whose_and_until_when_and_no_token(
        self, program: Program, sim: Simulator, dana: User
    ) -> None:
        program("login")
        # Windows' own form of TZ, which all systems read: nine hours east.
        ran = program("cache", "list", TZ="JST-9")
        header, row = ran.stdout.splitlines()
        names = ["USER", "CONTEXTS", "SERVER", "LOGIN", "TENANT", "UNTIL", "RENEWABLE"]
        assert header.split() == names
        star, user, context, server, login, tenant, *until, renewable = row.split()
        assert (star, user, context) == ("*", dana.upn, "prod")
        assert (server, login, tenant, renewable) == ("AKS", "devicecode", sim.tenant.id, "yes")
        (token,) = json.loads(program("cache", "list", "-o", "json").stdout)
        assert token["contexts"] == ["prod"] and token["current"] and token["renewable"]
        assert token["server"] == sim.cluster.server_id and not token["expired"]
        utc = datetime.fromisoformat(token["until"].replace("Z", "+00:00"))
        assert " ".join(until) == (utc + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")
        (file,) = program.cache.glob("*.token.json")
        _checksum, record = file.read_text().splitlines()
        assert json.loads(record)["token"] not in ran.stdout
