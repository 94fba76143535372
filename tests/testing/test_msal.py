"""MSAL signs in to the simulator in every way kubectl users do."""

from __future__ import annotations

from urllib.parse import parse_qsl, urljoin, urlsplit

import jwt
import msal
import pytest
import requests

from kubeauth.testing.entra.browser import Form


class Rerouted(requests.Session):
    """MSAL leaves the authority's port out of the user realm's address; this puts it back."""

    def __init__(self, sim):
        super().__init__()
        self._sim = sim
        self.trust_env = False
        self.verify = str(sim.ca_file)

    def get(self, url, **kwargs):
        wrong = "https://localhost/common/"
        return super().get(url.replace(wrong, f"{self._sim.authority}common/"), **kwargs)


@pytest.fixture
def client(sim):
    """Build an MSAL application that talks to the simulator."""
    with Rerouted(sim) as session:

        def build(kind, app, tenant="", **kwargs):
            return kind(
                app.client_id,
                authority=sim.authority + (tenant or sim.tenant.id),
                instance_discovery=False,
                http_client=session,
                **kwargs,
            )

        yield build


def claims_of(result):
    assert "access_token" in result, result
    return jwt.decode(result["access_token"], options={"verify_signature": False})


@pytest.mark.parametrize("named", ["id", "name"])
def test_secret(sim, client, scope, named):
    app = sim.tenant.add_application("ci")
    confidential = client(
        msal.ConfidentialClientApplication,
        app,
        getattr(sim.tenant, named),
        client_credential=app.secret,
    )
    result = confidential.acquire_token_for_client([scope])
    assert claims_of(result)["tid"] == sim.tenant.id
    assert result["expires_in"] == 3600


@pytest.mark.parametrize("with_thumbprint", [True, False])
def test_certificate(sim, client, scope, with_thumbprint):
    app = sim.tenant.add_application("ci")
    pem = app.new_certificate().decode()
    credential = {"private_key": pem, "public_certificate": pem}
    if with_thumbprint:  # RS256 and x5t, otherwise PS256 and x5t#S256
        fingerprint = jwt.utils.base64url_decode(app.certificates[0].sha1)
        credential["thumbprint"] = fingerprint.hex()
    confidential = client(msal.ConfidentialClientApplication, app, client_credential=credential)
    assert claims_of(confidential.acquire_token_for_client([scope]))["appidacr"] == "2"
    # MSAL sends one assertion for nine minutes, and Entra ID takes it.
    legacy = f"spn:{scope}"
    assert claims_of(confidential.acquire_token_for_client([legacy]))["aud"].startswith("spn:")


def test_federated_token(sim, client, scope):
    app, issuer = sim.tenant.add_application("pod"), sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="system:serviceaccount:ci:deployer")

    def sign_in(subject):
        credential = {"client_assertion": lambda: issuer.mint(subject=subject)}
        confidential = client(msal.ConfidentialClientApplication, app, client_credential=credential)
        return confidential.acquire_token_for_client([scope])

    assert claims_of(sign_in("system:serviceaccount:ci:deployer"))["oid"] == app.object_id
    assert "AADSTS70021" in sign_in("system:serviceaccount:ci:another")["error_description"]


def test_device_flow_and_silent_refresh(sim, client, scope):
    sim.device_code_interval = 1
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example")
    public = client(msal.PublicClientApplication, app, "organizations")
    flow = public.initiate_device_flow([scope])
    assert [code.user_code for code in sim.pending_device_codes()] == [flow["user_code"]]
    pending = public.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)
    assert pending["error"] == "authorization_pending"
    sim.advance(1)
    sim.approve(flow["user_code"], user)
    assert claims_of(public.acquire_token_by_device_flow(flow))["upn"] == user.upn
    account = public.get_accounts()[0]
    assert account["username"] == user.upn
    again = public.acquire_token_silent([scope], account, force_refresh=True)
    assert again["token_source"] == "identity_provider"
    assert sim.requests.count(service="entra", grant_type="refresh_token") == 1

    sim.revoke(user)
    refused = public.acquire_token_silent_with_error([scope], account, force_refresh=True)
    assert refused["error_codes"] == [50173]


@pytest.mark.filterwarnings("ignore:response_mode='form_post':UserWarning")
@pytest.mark.parametrize("mode", [None, "form_post", "fragment"])
def test_authorization_code(sim, client, scope, mode):
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example", password="right")
    public = client(msal.PublicClientApplication, app)
    flow = public.initiate_auth_code_flow(
        [scope],
        redirect_uri="http://localhost:18765",
        response_mode=mode,
        login_hint=user.upn,
    )
    answer = play_browser(sim, flow["auth_uri"], "right")
    result = public.acquire_token_by_auth_code_flow(flow, answer)
    assert claims_of(result)["upn"] == user.upn
    assert result["id_token_claims"]["preferred_username"] == user.upn


def play_browser(sim, url, password):
    """Fill in the form with requests alone and return what the redirect carries."""
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(sim.ca_file)
        form = Form(session.get(url, timeout=10).text)
        assert form.fields["username"] == "dana@contoso.example"  # from login_hint
        fields = {**form.fields, "password": password, "action": "signin"}
        answer = session.post(
            urljoin(url, form.action), data=fields, allow_redirects=False, timeout=10
        )
    if answer.status_code == 200:
        posted = Form(answer.text)
        assert posted.action == "http://localhost:18765"
        return posted.fields
    target = urlsplit(answer.headers["Location"])
    return dict(parse_qsl(target.query or target.fragment))


def test_password(sim, client, scope):
    app = sim.tenant.add_application("cli", public=True)
    user = sim.tenant.add_user("dana@contoso.example", password="right")
    public = client(msal.PublicClientApplication, app)
    with pytest.warns(DeprecationWarning):
        result = public.acquire_token_by_username_password(user.upn, "right", [scope])
    assert claims_of(result)["upn"] == user.upn
    with pytest.warns(DeprecationWarning):
        refused = public.acquire_token_by_username_password(user.upn, "wrong", [scope])
    assert refused["error_codes"] == [50126]


def test_refresh_in_and_pop(sim, client, scope):
    sim.refresh_in = 1800
    app = sim.tenant.add_application("ci")
    confidential = client(msal.ConfidentialClientApplication, app, client_credential=app.secret)
    request = jwt.utils.base64url_encode(b'{"kid":"thumb","xms_ksl":"sw"}').decode()
    result = confidential.acquire_token_for_client(
        [scope], data={"token_type": "pop", "req_cnf": request, "key_id": "thumb"}
    )
    assert claims_of(result)["cnf"] == {"kid": "thumb", "xms_ksl": "sw"}
    assert result["token_type"] == "pop"
    assert "refresh_on" in result
