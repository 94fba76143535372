"""Faults reach a client as failures of a network or a service do."""

from __future__ import annotations

import threading
import time

import pytest
import requests

from kubeauth.testing import Fault


@pytest.fixture
def keys(sim, http):
    """Fetch Entra ID's keys, a request that always succeeds by itself."""
    url = f"{sim.authority}{sim.tenant.id}/discovery/v2.0/keys"
    return lambda: http.get(url, timeout=20)


def test_status_with_headers_counts_down(sim, keys):
    sim.faults.add(
        Fault(service="entra", path="/keys", status=429, headers={"Retry-After": "1"}, times=2)
    )
    first = keys()
    assert (first.status_code, first.headers["Retry-After"]) == (429, "1")
    assert [keys().status_code for _ in range(2)] == [429, 200]
    assert [record.status for record in sim.requests] == [429, 429, 200]


def test_service_unavailable_for_ever(sim, keys):
    sim.faults.add(Fault(status=503, times=None))
    assert [keys().status_code for _ in range(3)] == [503] * 3
    assert keys().json()["error_codes"] == [90033]
    sim.faults.clear()
    assert keys().status_code == 200


def test_reset(sim, http, keys):
    sim.faults.add(Fault(reset=True, times=2))
    with pytest.raises(requests.ConnectionError):
        keys()
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        http.get(sim.imds_url, timeout=20)
    assert keys().status_code == 200
    assert sim.requests[0].status == 0


def test_hang(sim, http, keys):
    sim.faults.add(Fault(hang=30))
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{sim.authority}common/discovery/v2.0/keys", timeout=(20, 0.2))
    assert keys().status_code == 200


def test_short_hang_closes_without_an_answer(sim, keys):
    sim.faults.add(Fault(hang=0.05))
    with pytest.raises(requests.ConnectionError):
        keys()


def test_garbage(sim, keys):
    sim.faults.add(Fault(body=b"<html>proxy login</html>"))
    answer = keys()
    assert (answer.status_code, answer.content) == (200, b"<html>proxy login</html>")


def test_latency_leaves_the_answer(sim, keys):
    sim.faults.add(Fault(latency=0.2))
    started = time.monotonic()
    assert keys().status_code == 200
    assert time.monotonic() - started >= 0.2
    assert sim.requests[0].duration >= 0.2


def test_only_what_it_names(sim, http, ask, keys):
    sim.faults.add(Fault(service="imds", status=500))
    sim.faults.add(Fault(grant_type="refresh_token", status=501))
    sim.faults.add(Fault(method="PUT", status=502))
    assert keys().status_code == 200
    assert ask(grant_type="refresh_token").status_code == 501
    assert ask(grant_type="refresh_token").status_code == 400
    assert http.get(sim.imds_url, timeout=30).status_code == 500
    assert len(sim.faults) == 1


def test_apiserver_fails_with_a_status_object(sim, http):
    sim.faults.add(Fault(service="apiserver", status=503))
    body = http.get(f"{sim.cluster.server}/version", timeout=30).json()
    assert (body["kind"], body["code"]) == ("Status", 503)


def test_closing_ends_a_hang(sim, http):
    """A test that leaves a hanging request behind does not wait for it."""
    sim.faults.add(Fault(hang=60))
    errors = []

    def wait():
        try:
            http.get(f"{sim.authority}common/discovery/v2.0/keys", timeout=30)
        except requests.ConnectionError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not len(sim.requests):
        time.sleep(0.01)
    started = time.monotonic()
    sim.close()
    thread.join(30)
    assert errors
    assert time.monotonic() - started < 2
