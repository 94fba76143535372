"""A token that the API server no longer accepts is replaced without anybody doing anything."""

from __future__ import annotations

import shutil
import time

import pytest
from ageing import age

pytestmark = pytest.mark.e2e


@pytest.fixture
def revoked(desk, kubectl, prepare, sim):
    """A cluster to which kubectl has signed in once, and which then revokes its token."""
    desk.convert("exec", *prepare("spn"))
    assert desk.kubectl(kubectl, "get", "nodes").code == 0
    age(desk.program.cache)
    sim.revoke_tokens()
    time.sleep(1.1)  # tokens are dated in whole seconds
    sim.requests.clear()
    return kubectl


def mints(sim) -> int:
    return sim.requests.count(path="/oauth2/v2.0/token")


def test_the_second_command_works_at_the_latest(desk, revoked, sim):
    codes = [desk.kubectl(revoked, "get", "nodes").code for _ in range(3)]
    assert codes[1:] == [0, 0]
    assert mints(sim) == 1


def test_a_command_with_empty_discovery_heals_at_once(desk, revoked, sim, program):
    for folder in ("discovery", "http"):
        shutil.rmtree(program.home / ".kube" / "cache" / folder, ignore_errors=True)
    assert desk.kubectl(revoked, "get", "nodes").code == 0
    assert mints(sim) == 1


def test_a_server_that_rejects_everything_causes_no_storm(desk, kubectl, prepare, sim):
    desk.convert("exec", *prepare("spn"))
    assert desk.kubectl(kubectl, "get", "nodes").code == 0
    age(desk.program.cache)
    sim.cluster.server_id = "00000000-1111-2222-3333-444444444444"
    sim.requests.clear()
    for _ in range(3):
        assert desk.kubectl(kubectl, "get", "nodes").code == 1
    assert mints(sim) == 1


def test_a_manifest_on_stdin_is_no_rejection(desk, newest_kubectl, prepare, sim):
    desk.convert("exec", *prepare("spn"))
    assert desk.kubectl(newest_kubectl, "get", "nodes").code == 0
    age(desk.program.cache)
    sim.requests.clear()
    manifest = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kept"},"data":{"a":"b"}}'
    ran = desk.kubectl(newest_kubectl, "create", "-f", "-", stdin=manifest)
    assert ran.code == 0, ran.stderr
    assert mints(sim) == 0
