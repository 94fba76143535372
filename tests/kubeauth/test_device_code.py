"""The device code flow (RFC 8628) when the way to the server is not smooth."""

from __future__ import annotations

import json
import time

import pytest

from kubeauth import DeviceCode, SignInCancelled, SignInError, SignInRefused, System, Unreachable
from kubeauth.testing import AKS_CLIENT_ID, Fault

POLL = "urn:ietf:params:oauth:grant-type:device_code"


class Person:
    """Somebody at a terminal who types the code after so many polls."""

    def __init__(self, sim, after=1):
        self.sim, self.after = sim, after
        self.user = sim.tenant.add_user(f"dana-{time.monotonic_ns()}@contoso.example")
        self.pauses, self.shown = [], []

    def sleep(self, seconds):
        """Wait a second at most, and type the code when its time has come."""
        self.pauses.append(seconds)
        time.sleep(min(seconds, 1.0))
        if len(self.pauses) >= self.after:
            for flow in self.sim.pending_device_codes():
                self.sim.approve(flow.user_code, self.user)


@pytest.fixture
def sign_in(sim, tmp_path):
    def make(person, **options):
        system = System(
            environ={**sim.environ(), "KUBEAUTH_CACHE_DIR": str(tmp_path)},
            sleep=person.sleep,
            prompt=person.shown.append,
        )
        return DeviceCode(
            server_id=sim.cluster.server_id,
            tenant_id=sim.tenant.id,
            client_id=AKS_CLIENT_ID,
            authority_host=sim.authority,
            disable_instance_discovery=True,
            system=system,
            **options,
        ).get_token

    return make


# MSAL looks at the real clock, in which less time passes here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Attempted too soon"),
    pytest.mark.timeout(30),
]


def test_the_text_has_page_and_code_on_lines_of_their_own(sim, sign_in):
    person = Person(sim)
    assert sign_in(person)().token
    (text,) = person.shown
    lines = [line.strip() for line in text.splitlines()]
    assert any(line.startswith("https://") and line.endswith("/devicelogin") for line in lines)
    assert any(line.isalnum() and line.isupper() and len(line) == 9 for line in lines)
    assert "15 minutes" in text


def test_waits_as_long_as_it_is_told_before_each_question(sim, sign_in):
    sim.device_code_interval = 7
    person = Person(sim)
    assert sign_in(person)().token
    assert person.pauses == [7]


@pytest.mark.parametrize(
    ("interval", "pause"), [(-5, 1), (0, 1), (10**9, 60), ("3000000", 60)], ids=repr
)
def test_an_interval_without_sense_is_bounded(sim, sign_in, interval, pause):
    page = {"device_code": "d", "user_code": "u", "verification_uri": "https://x"}
    body = json.dumps({**page, "expires_in": 900, "interval": interval}).encode()
    sim.faults.add(Fault(service="entra", path="/devicecode", status=200, body=body))
    person = Person(sim)
    with pytest.raises(SignInError):
        sign_in(person)()
    assert person.pauses == [pause]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(service="entra", grant_type=POLL, reset=True, times=3),
        Fault(service="entra", grant_type=POLL, status=200, body=b"<html>", times=1),
    ],
    ids=["reset", "garbage"],
)
def test_a_fault_while_the_person_types_ends_nothing(sim, sign_in, fault):
    sim.device_code_interval = 1
    sim.faults.add(fault)
    person = Person(sim, after=2)
    assert sign_in(person)().token
    assert len(person.pauses) >= 2 and len(person.shown) == 1


def test_a_fault_before_there_is_a_code_ends_it(sim, sign_in):
    sim.faults.add(Fault(service="entra", path="/devicecode", status=400, body=b"{}", times=None))
    person = Person(sim)
    with pytest.raises((Unreachable, SignInRefused)):
        sign_in(person)()
    assert person.shown == []


def test_the_limit_of_machines_is_not_one_for_people(sim, sign_in):
    """--timeout 1s must not end the typing of a code."""
    sim.device_code_interval = 1
    assert sign_in(Person(sim, after=2), timeout=0.5)().token


def test_a_tenant_that_forbids_it_says_so(sim, sign_in):
    sim.fail_next(53003)
    with pytest.raises(SignInRefused) as caught:
        sign_in(Person(sim))()
    assert caught.value.code == "AADSTS53003" and "-l " in caught.value.hint


def test_a_no_is_a_cancellation(sim, sign_in):
    person = Person(sim, after=10**6)
    person.shown = type("Decline", (), {"append": lambda _, __: decline(sim)})()
    with pytest.raises(SignInCancelled, match="declined"):
        sign_in(person)()


def decline(sim):
    for flow in sim.pending_device_codes():
        sim.decline(flow.user_code)
