"""A program that never gives up: what it asks Entra ID for in a day, on a clock of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
from harness import not_on_windows

import kubeauth
from kubeauth.integrations import kubernetes as official
from kubeauth.testing import AKS_CLIENT_ID

DAY = 86_400
TOKEN = "/oauth2/v2.0/token"


@dataclass
class Controller:
    """Asks for a token again and again, whatever comes."""

    outside: Any
    make: Any
    failures: list[kubeauth.KubeauthError] = field(default_factory=list)

    def run(self, seconds: float, every: float) -> int:
        """Return how many token requests Entra ID got meanwhile."""
        before, end = self.asked, self.outside.time + seconds
        while self.outside.time < end:
            self.ask()
            self.outside.pass_time(every)
        return self.asked - before

    def ask(self) -> bool:
        try:
            return bool(self.make().get_token().token)
        except kubeauth.KubeauthError as error:
            self.failures.append(error)
            return False

    @property
    def asked(self) -> int:
        return int(self.outside.sim.requests.count(service="entra", path=TOKEN))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("wrong")
    return path


@pytest.fixture
def controller(sim, app, outside, file) -> Controller:
    def make(process: str = "controller", prompt: Any = None) -> kubeauth.ServicePrincipal:
        return kubeauth.ServicePrincipal(
            server_id=sim.cluster.server_id,
            tenant_id=sim.tenant.id,
            client_id=app.client_id,
            client_secret_file=str(file),
            authority_host=sim.authority,
            disable_instance_discovery=True,
            system=outside.system(prompt, process),
        )

    return Controller(outside, make)


@pytest.mark.slow
def test_a_wrong_secret_costs_less_than_200_requests_a_day(controller: Controller) -> None:
    assert 100 < controller.run(DAY, every=60) < 200
    assert {type(failure) for failure in controller.failures} == {kubeauth.SignInRefused}
    assert all("AADSTS7000215" in str(failure) for failure in controller.failures)


def test_the_right_secret_is_taken_at_once(controller: Controller, app, file: Path) -> None:
    assert 5 < controller.run(7200, every=60) < 25
    file.write_text(app.secret)
    assert controller.ask()


def test_another_federated_token_is_taken_at_once(sim, app, outside, file: Path) -> None:
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="right")
    file.write_text(issuer.mint(subject="wrong", expires_in=DAY))

    def make() -> kubeauth.WorkloadIdentity:
        return kubeauth.WorkloadIdentity(
            server_id=sim.cluster.server_id,
            tenant_id=sim.tenant.id,
            client_id=app.client_id,
            federated_token_file=str(file),
            authority_host=sim.authority,
            disable_instance_discovery=True,
            system=outside.system(),
        )

    controller = Controller(outside, make)
    assert 5 < controller.run(7200, every=60) < 25
    file.write_text(issuer.mint(subject="right"))
    assert controller.ask()


def test_one_more_try_is_free(controller: Controller, sim) -> None:
    sim.fail_next(7000215)
    controller.ask()
    controller.ask()
    assert controller.asked == 2


def test_a_person_at_a_terminal_is_never_held(controller: Controller) -> None:
    make = controller.make
    controller.make = lambda: make(process="")
    assert controller.run(200, every=10) == 20
    controller.make = lambda: make(prompt=print)
    assert controller.run(200, every=10) == 20


@pytest.mark.slow
def test_a_secret_that_expires_under_a_loaded_client(sim, app, outside, controller) -> None:
    """The client signs in before each request, so none goes out without a token."""
    secret = app.add_secret(expires_in=600)
    principal = kubeauth.ServicePrincipal(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=app.client_id,
        client_secret=secret,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        system=outside.system(),
    )
    cluster = kubeauth.Cluster(sim.cluster.server, ca_data=sim.cluster.ca_pem)
    with official.new_client(cluster=cluster, credential=principal) as client:
        api = kubernetes.client.CoreV1Api(client)
        assert api.list_node().items
        outside.pass_time(2 * 86_400)
        before, end = controller.asked, outside.time + DAY
        while outside.time < end:
            with contextlib.suppress(kubeauth.SignInRefused):
                api.list_node()
            outside.pass_time(90)
    assert 100 < controller.asked - before < 200


def test_a_refused_session_of_a_person(sim, outside) -> None:
    """A policy refuses the refresh token, and no person is there."""
    user = sim.tenant.add_user("dana@contoso.example")

    def make(prompt: Any = None) -> kubeauth.DeviceCode:
        return kubeauth.DeviceCode(
            server_id=sim.cluster.server_id,
            tenant_id=sim.tenant.id,
            client_id=AKS_CLIENT_ID,
            authority_host=sim.authority,
            disable_instance_discovery=True,
            system=outside.system(prompt),
        )

    def approve(_: str) -> None:
        for flow in sim.pending_device_codes():
            sim.approve(flow.user_code, user)

    controller = Controller(outside, make)
    assert make(approve).get_token()
    outside.pass_time(7200)
    sim.fail_next(50076, times=None)
    assert 5 < controller.run(7200, every=120) < 25
    assert {type(failure) for failure in controller.failures} == {kubeauth.InteractionRequired}


@not_on_windows("the process of a virtual environment is another one there")
@pytest.mark.process
def test_without_a_terminal_a_program_is_held_without_being_told_to(sim, app, outside) -> None:
    code = (
        "import kubeauth\n"
        "for _ in range(5):\n"
        "    try:\n"
        f"        kubeauth.ServicePrincipal(server_id={sim.cluster.server_id!r},\n"
        f"            tenant_id={sim.tenant.id!r}, client_id={app.client_id!r},\n"
        f"            client_secret='wrong', authority_host={sim.authority!r},\n"
        "            disable_instance_discovery=True).get_token()\n"
        "    except kubeauth.SignInRefused as error:\n"
        "        print(error.code)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=outside.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout.split() == ["AADSTS7000215"] * 5, ran.stderr
    assert sim.requests.count(service="entra", path=TOKEN) == 2
