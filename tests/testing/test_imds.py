"""IMDS refuses what the real one refuses."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import jwt
import pytest


@pytest.fixture
def imds(sim, http):
    """Ask for a token; None removes a query parameter."""

    def run(headers=None, path="/metadata/identity/oauth2/token", **changes):
        query = {"api-version": "2018-02-01", "resource": sim.cluster.server_id, **changes}
        return http.get(
            sim.imds_url + path,
            params={name: value for name, value in query.items() if value is not None},
            headers={"Metadata": "true"} if headers is None else headers,
            timeout=10,
        )

    return run


def test_answer_has_numbers_as_strings(sim, imds):
    identity = sim.add_managed_identity(system_assigned=True)
    sim.token_lifetime = 7200
    answer = imds().json()
    assert answer["expires_in"] == "7200"
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert answer["expires_on"] == str(claims["exp"])
    assert (claims["oid"], claims["aud"]) == (identity.object_id, sim.cluster.server_id)


@pytest.mark.parametrize(
    ("headers", "changes", "status", "error"),
    [
        ({}, {}, 400, "bad_request_102"),
        ({"Metadata": "false"}, {}, 400, "bad_request_102"),
        ({"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}, {}, 400, "bad_request_101"),
        (None, {"api-version": None}, 400, "invalid_request"),
        (None, {"api-version": "latest"}, 400, "invalid_request"),
        (None, {"resource": None}, 400, "invalid_request"),
        (None, {"resource": "api://unknown"}, 400, "invalid_resource"),
        (None, {"client_id": "x", "object_id": "y"}, 400, "invalid_request"),
        (None, {"path": "/metadata/instance"}, 404, "not_found"),
    ],
)
def test_refusals(sim, imds, headers, changes, status, error):
    sim.add_managed_identity(system_assigned=True)
    answer = imds(headers, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_unknown_identity(sim, imds):
    missing = {"error": "invalid_request", "error_description": "Identity not found"}
    assert imds().json() == missing
    one = sim.add_managed_identity()
    assert imds().json()["client_id"] == one.client_id  # the only one needs no name
    assert imds(client_id="another").json() == missing
    sim.add_managed_identity()
    assert "Multiple user assigned identities" in imds().json()["error_description"]


def test_proxied_request(sim):
    sim.add_managed_identity(system_assigned=True)
    target = f"{sim.imds_url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x"
    with socket.create_connection(("127.0.0.1", urlsplit(sim.imds_url).port), 5) as line:
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n\r\n".encode())
        assert b"bad_request_101" in line.recv(4096)


def test_rate_limit(sim, imds):
    sim.add_managed_identity(system_assigned=True)
    sim.imds_requests_per_second = 2
    assert [imds().status_code for _ in range(3)] == [200, 200, 429]
    sim.advance(1.1)
    assert imds().status_code == 200


def test_scripted_failure(sim, imds):
    identity = sim.add_managed_identity(system_assigned=True)
    sim.fail_next(700016, who=identity)
    assert "AADSTS700016" in imds().json()["error_description"]
    assert imds().status_code == 200
