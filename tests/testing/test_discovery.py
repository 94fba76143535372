"""The published keys and metadata are what a real API server takes (go-jose, OpenID Discovery)."""

from __future__ import annotations

import base64
import hashlib

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

# OpenID Connect Discovery 1.0 section 3.
REQUIRED = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
}


@pytest.fixture(params=["entra", "issuer"])
def keys(request, sim, http):
    """The key set of Entra ID, or of an outside issuer."""
    address = f"{sim.authority}{sim.tenant.id}/discovery/v2.0/keys"
    if request.param == "issuer":
        issuer = sim.add_issuer()
        address = f"{sim.authority.rstrip('/')}{issuer.path}/keys"
    return http.get(address, timeout=10).json()["keys"]


def test_a_key_has_the_certificate_it_names(keys):
    for key in keys:
        der = base64.b64decode(key["x5c"][0], validate=True)
        certificate = x509.load_der_x509_certificate(der)
        assert certificate.public_bytes(Encoding.DER) == der
        published = jwt.PyJWK(key).key
        assert certificate.public_key().public_numbers() == published.public_numbers()
        digest = hashlib.sha1(der).digest()  # RFC 7517 section 4.8
        assert base64.urlsafe_b64decode(key["x5t"] + "=") == digest and len(digest) == 20


def test_a_token_verifies_by_the_published_keys(sim, http):
    token = sim.mint_token(sim.tenant.add_application("ci"))
    header = jwt.get_unverified_header(token)
    published = http.get(f"{sim.authority}{sim.tenant.id}/discovery/keys", timeout=10).json()
    key = jwt.PyJWKSet.from_dict(published)[header["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=sim.cluster.server_id)
    assert header["x5t"] == header["kid"]
    assert claims["iss"] == f"https://sts.windows.net/{sim.tenant.id}/"


@pytest.mark.parametrize(
    ("path", "issuer"),
    [
        ("", "https://sts.windows.net/{tenant}/"),
        ("/v2.0", "{authority}{tenant}/v2.0"),
    ],
    ids=["v1", "v2"],
)
def test_metadata_has_what_is_required(sim, http, path, issuer):
    address = f"{sim.authority}{sim.tenant.id}{path}/.well-known/openid-configuration"
    document = http.get(address, timeout=10).json()
    assert document.keys() >= REQUIRED
    assert document["issuer"] == issuer.format(authority=sim.authority, tenant=sim.tenant.id)
    assert http.get(document["jwks_uri"], timeout=10).json()["keys"]
