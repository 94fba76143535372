"""Many callers at once make one sign-in, and its failure is everybody's."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import KUBEAUTH, Program, not_on_windows

from kubeauth import DeviceCode, ServicePrincipal, SignInCancelled, System
from kubeauth.testing import AKS_CLIENT_ID, Application, Fault, Simulator, User

TOKEN = "/oauth2/v2.0/token"
CLIENT = "client_credentials"


@pytest.fixture
def dana(sim: Simulator) -> User:
    return sim.tenant.add_user(f"dana-{time.monotonic_ns()}@{sim.tenant.name}")


def many(program: Program, count: int, *args: str, **environ: str) -> list[tuple[int, str, str]]:
    """Run get-token ``count`` times at once."""
    running = [
        subprocess.Popen(
            [str(KUBEAUTH), "get-token", *program.always, *args],
            env={**program.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    ended = [(process, *process.communicate(timeout=110)) for process in running]
    return [(process.returncode, stdout, stderr) for process, stdout, stderr in ended]


class TestProcesses:
    def test_forty_cold_ones_make_one_request(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        ended = many(program, 40, *spn)
        assert {code for code, _, _ in ended} == {0}
        assert len({json.loads(stdout)["status"]["token"] for _, stdout, _ in ended}) == 1
        assert sim.requests.count(path=TOKEN) == 1

    def test_twenty_that_are_refused_make_few(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        """A call that waited while another one was refused need not send a request of its own."""
        sim.faults.add(Fault(service="entra", path=TOKEN, latency=1.5, times=None))
        ended = many(program, 20, *spn[:-1], "wr0ng")
        assert {code for code, _, _ in ended} == {4}
        assert all("AADSTS7000215" in stderr for _, _, stderr in ended)
        assert sim.requests.count(path=TOKEN) <= 4

    def test_two_identities_do_not_wait_for_each_other(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        other = sim.tenant.add_application("other")
        flags = ("-l", "spn", "-t", sim.tenant.id, "--client-id", other.client_id)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            one = pool.submit(many, program, 3, *spn)
            two = pool.submit(many, program, 3, *flags, "--client-secret", other.secret)
            answers = [
                {json.loads(out)["status"]["token"] for _, out, _ in each.result()}
                for each in (one, two)
            ]
        assert [len(each) for each in answers] == [1, 1]
        assert answers[0] != answers[1]

    @not_on_windows("Windows has no SIGKILL")
    def test_a_killed_holder_stops_nobody(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        sim.faults.add(Fault(service="entra", path=TOKEN, hang=30, times=1))
        command = [str(KUBEAUTH), "get-token", *program.always, *spn]
        with subprocess.Popen(command, env=program.environ, stdout=subprocess.DEVNULL) as holder:
            deadline = time.monotonic() + 20
            while not list(program.cache.glob("*.lock")) and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.7)
            holder.send_signal(signal.SIGKILL)
        begun = time.monotonic()
        assert program.get_token(*spn).status["token"]
        assert time.monotonic() - begun < 10

    def test_processes_killed_at_any_moment_leave_a_cache_that_works(
        self, program: Program, sim: Simulator, spn: tuple[str, ...]
    ) -> None:
        for number in range(12):
            command = [str(KUBEAUTH), "get-token", *program.always, *spn]
            environ = {**program.environ, "AZURE_TENANT_ID": ""}
            process = subprocess.Popen(
                [*command, "--force-refresh"], env=environ, stdout=subprocess.DEVNULL
            )
            time.sleep(0.03 * number)
            process.kill()
            process.wait()
        assert program.get_token(*spn).status["token"]


class TestThreads:
    def test_ten_cold_ones_share_one_sign_in(
        self, program: Program, sim: Simulator, app: Application
    ) -> None:
        for storage, folder in (("auto", "a"), ("memory", "b")):
            sim.requests.clear()
            provider = ServicePrincipal(
                server_id=sim.cluster.server_id,
                tenant_id=sim.tenant.id,
                client_id=app.client_id,
                client_secret=app.secret,
                authority_host=sim.authority,
                disable_instance_discovery=True,
                ca_file=str(sim.ca_file),
                cache_dir=str(program.home / folder),
                cache_storage=storage,
            )
            with concurrent.futures.ThreadPoolExecutor(10) as pool:
                tokens = list(pool.map(lambda _: provider.get_token().token, range(10)))  # noqa: B023
            assert len(set(tokens)) == 1
            assert sim.requests.count(grant_type=CLIENT) == 1


class TestPerson:
    def provider(
        self, sim: Simulator, home: Path, shown: list[str], caller: str = ""
    ) -> DeviceCode:
        system = System(environ={"HOME": str(home)}, prompt=shown.append, caller=caller)
        return DeviceCode(
            server_id=sim.cluster.server_id,
            tenant_id=sim.tenant.id,
            client_id=AKS_CLIENT_ID,
            authority_host=sim.authority,
            disable_instance_discovery=True,
            ca_file=str(sim.ca_file),
            cache_dir=str(home / "cache"),
            cache_storage="file",
            system=system,
        )

    @pytest.fixture
    def act(self, sim: Simulator) -> Iterator[object]:
        """Do something with every code that is shown, as soon as it waits."""
        sim.device_code_interval = 1
        stop = threading.Event()

        def begin(action: object) -> None:
            def watch() -> None:
                while not stop.wait(0.05):
                    for flow in sim.pending_device_codes():
                        action(flow.user_code)  # type: ignore[operator]

            threading.Thread(target=watch, daemon=True).start()

        yield begin
        stop.set()

    def test_five_at_once_show_one_code(
        self, sim: Simulator, tmp_path: Path, dana: User, act: object
    ) -> None:
        act(lambda code: sim.approve(code, dana))  # type: ignore[operator]
        shown: list[str] = []
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            work = [pool.submit(self.provider(sim, tmp_path, shown).get_token) for _ in range(5)]
            tokens = {future.result().token for future in work}
        assert (len(shown), len(tokens)) == (1, 1)

    def test_five_at_once_share_a_refusal(
        self, sim: Simulator, tmp_path: Path, act: object
    ) -> None:
        act(sim.decline)  # type: ignore[operator]
        shown: list[str] = []
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            work = [pool.submit(self.provider(sim, tmp_path, shown).get_token) for _ in range(5)]
            for future in work:
                with pytest.raises(SignInCancelled):
                    future.result()
        assert len(shown) == 1

    def test_a_refused_person_is_not_asked_again_by_the_same_caller_at_once(
        self, sim: Simulator, tmp_path: Path, act: object
    ) -> None:
        act(sim.decline)  # type: ignore[operator]
        shown: list[str] = []
        for _ in range(5):
            with pytest.raises(SignInCancelled):
                self.provider(sim, tmp_path, shown, caller="kubectl 1").get_token()
        assert len(shown) == 1
        with pytest.raises(SignInCancelled):
            self.provider(sim, tmp_path, shown, caller="kubectl 2").get_token()
        assert len(shown) == 2

    def test_two_servers_need_one_sign_in(
        self, sim: Simulator, tmp_path: Path, dana: User, act: object
    ) -> None:
        act(lambda code: sim.approve(code, dana))  # type: ignore[operator]
        sim.tenant.add_resource("11111111-2222-3333-4444-555555555555")
        shown: list[str] = []
        self.provider(sim, tmp_path, shown).get_token()
        system = System(environ={"HOME": str(tmp_path)}, prompt=shown.append)
        other = DeviceCode(
            server_id="11111111-2222-3333-4444-555555555555",
            tenant_id=sim.tenant.id,
            client_id=AKS_CLIENT_ID,
            authority_host=sim.authority,
            disable_instance_discovery=True,
            ca_file=str(sim.ca_file),
            cache_dir=str(tmp_path / "cache"),
            cache_storage="file",
            system=system,
        )
        assert other.get_token().token
        assert len(shown) == 1

    def test_a_sign_in_that_was_revoked_asks_the_person_once_more(
        self, sim: Simulator, tmp_path: Path, dana: User, act: object
    ) -> None:
        act(lambda code: sim.approve(code, dana))  # type: ignore[operator]
        sim.token_lifetime = 100
        shown: list[str] = []
        self.provider(sim, tmp_path, shown).get_token()
        sim.revoke(dana)
        os.utime(tmp_path)
        time.sleep(1.1)
        self.provider(sim, tmp_path, shown).get_token()
        assert len(shown) == 2

    def test_a_token_in_hand_serves_where_nobody_can_be_asked(
        self, sim: Simulator, tmp_path: Path, dana: User, act: object
    ) -> None:
        act(lambda code: sim.approve(code, dana))  # type: ignore[operator]
        sim.token_lifetime = 100
        first = self.provider(sim, tmp_path, []).get_token()
        for file in (tmp_path / "cache").glob("*.session.*"):
            file.unlink()
        system = System(environ={"HOME": str(tmp_path)}, prompt=None)
        alone = DeviceCode(
            server_id=sim.cluster.server_id,
            tenant_id=sim.tenant.id,
            client_id=AKS_CLIENT_ID,
            authority_host=sim.authority,
            disable_instance_discovery=True,
            ca_file=str(sim.ca_file),
            cache_dir=str(tmp_path / "cache"),
            cache_storage="file",
            system=system,
        )
        assert alone.get_token().token == first.token


@pytest.mark.slow
def test_two_people_at_two_tenants_and_clients_never_meet(sim: Simulator, tmp_path: Path) -> None:
    """Eight identities, interleaved: each is asked once, and gets its own token ever after."""
    from kubeauth.jwt import claims_of

    sim.device_code_interval = 1
    tenants = [sim.tenant, sim.add_tenant()]
    known = {
        (tenant.id, client, name): tenant.add_user(f"{name}-{time.monotonic_ns()}@{tenant.name}")
        for tenant in tenants
        for client in (AKS_CLIENT_ID, tenant.add_application("other", public=True).client_id)
        for name in ("ann", "bob")
    }
    prompts: list[str] = []
    for _ in range(3):
        for (tenant_id, client_id, _name), user in known.items():

            def show(text: str, user: User = user) -> None:
                prompts.append(text)
                for flow in sim.pending_device_codes():
                    sim.approve(flow.user_code, user)

            token = DeviceCode(
                server_id=sim.cluster.server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                login_hint=user.upn,
                authority_host=sim.authority,
                disable_instance_discovery=True,
                ca_file=str(sim.ca_file),
                cache_dir=str(tmp_path / "cache"),
                cache_storage="file",
                show=show,
                system=System(environ={"HOME": str(tmp_path)}),
            ).get_token()
            said = claims_of(token.token)
            assert (said["tid"], said["appid"], said["upn"]) == (tenant_id, client_id, user.upn)
    assert len(prompts) == 8
