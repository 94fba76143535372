"""The claims of access tokens, where they differ: versions and groups."""

from __future__ import annotations

import jwt
import pytest

AKS = "6dae42f8-4368-4678-94ff-3960e28e3630"


def claims_of(answer):
    assert answer.status_code == 200, answer.text
    return jwt.decode(answer.json()["access_token"], options={"verify_signature": False})


def of_application(sim, ask, app, resource=AKS):
    fields = {"client_id": app.client_id, "client_secret": app.secret}
    return claims_of(ask(grant_type="client_credentials", scope=f"{resource}/.default", **fields))


def of_person(ask, user, resource=AKS):
    fields = {"username": user.upn, "password": user.password, "scope": f"{resource}/.default"}
    client = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
    return claims_of(ask(grant_type="password", client_id=client, **fields))


def test_the_resource_chooses_the_version(sim, ask):
    """requestedAccessTokenVersion of its manifest; AKS has version 1."""
    app, dana = sim.tenant.add_application("ci"), sim.tenant.add_user("dana@contoso.example", "pw")
    api = sim.tenant.add_application("an API server of our own")
    api.token_version = 2
    first, second = of_application(sim, ask, app), of_application(sim, ask, app, api.client_id)
    assert (first["ver"], first["iss"]) == ("1.0", f"https://sts.windows.net/{sim.tenant.id}/")
    assert first["appid"] == second["azp"] == app.client_id and "appid" not in second
    assert (second["ver"], second["aud"]) == ("2.0", api.client_id)
    assert second["iss"] == f"{sim.authority}{sim.tenant.id}/v2.0"
    assert of_application(sim, ask, app, f"api://{api.client_id}")["aud"] == api.client_id
    person = of_person(ask, dana, api.client_id)
    assert person["preferred_username"] == dana.upn and "upn" not in person


@pytest.mark.parametrize("count", [0, 1, 200, 201, 1000])
def test_more_than_200_groups_do_not_fit(sim, ask, count):
    groups = [f"00000000-0000-0000-0000-{number:012}" for number in range(count)]
    dana = sim.tenant.add_user("dana@contoso.example", "pw", groups)
    claims = of_person(ask, dana)
    if count <= 200:
        assert claims["groups"] == groups and "_claim_names" not in claims
    else:
        assert "groups" not in claims
        source = claims["_claim_sources"][claims["_claim_names"]["groups"]]
        assert source["endpoint"].endswith(f"/users/{dana.object_id}/getMemberObjects")


def test_the_scopes_of_openid_connect_do_no_harm_to_an_application(sim, ask):
    """As MSAL for Go sends them, and so Azure/kubelogin."""
    app = sim.tenant.add_application("ci")
    answer = ask(
        grant_type="client_credentials",
        scope=f"{AKS}/.default openid offline_access profile",
        client_id=app.client_id,
        client_secret=app.secret,
    )
    assert claims_of(answer)["aud"] == AKS and "refresh_token" not in answer.json()
